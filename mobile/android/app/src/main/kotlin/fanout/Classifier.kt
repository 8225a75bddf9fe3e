package fanout

import java.io.Closeable
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor
import org.tensorflow.lite.support.metadata.MetadataExtractor

/** A class and its probability, from 0 to 1. */
data class Prediction(val label: String, val probability: Float)

/** The predictions, most probable first, and the time that the interpreter took. */
data class Answer(val predictions: List<Prediction>, val milliseconds: Double)

/**
 * Runs the model. It uses no user interface and no Android classes. One thread at a time may use it.
 *
 * @param model the bytes of a .tflite file with its metadata.
 * @param contract the content of the model's `contract.json`.
 * @throws ModelException the file is not a model, or not the model that the contract describes.
 */
class Classifier(
    model: ByteArray,
    private val contract: Contract,
    threads: Int = 2,
) : Closeable {
    // The interpreter reads weights from this buffer as long as it exists.
    private val buffer = direct(model.size).apply { put(model); rewind() }
    private val interpreter: Interpreter = checked { open(threads) }
    private val input: Tensor = checked {
        interpreter.getInputTensorFromSignature(contract.input, contract.signature)
    }
    private val output: Tensor = checked {
        interpreter.getOutputTensorFromSignature(contract.output, contract.signature)
    }

    init {
        val expected = intArrayOf(1, contract.height, contract.width, contract.channels)
        if (!input.shape().contentEquals(expected)) {
            fail("takes ${input.shape().contentToString()}, but the contract says ${expected.contentToString()}")
        }
        if (output.numElements() != contract.labels.size) {
            fail("answers with ${output.numElements()} numbers for ${contract.labels.size} labels")
        }
        if (labels() != contract.labels) {
            fail("was made for the labels ${labels()}, but the contract says ${contract.labels}")
        }
    }

    /** Returns the picture's predicted classes. */
    fun classify(picture: Picture): Answer {
        val values = picture.values(contract.height, contract.width, contract.channels)
        val start = System.nanoTime()
        val probabilities = predict(values)
        val milliseconds = (System.nanoTime() - start) / 1e6
        val predictions = contract.labels.mapIndexed { row, label ->
            Prediction(label, probabilities[row])
        }
        return Answer(predictions.sortedByDescending { it.probability }, milliseconds)
    }

    /**
     * Returns the probabilities, in the order of the labels.
     *
     * @param values height × width × channels numbers in the contract's range.
     */
    fun predict(values: FloatArray): FloatArray {
        if (values.size != input.numElements()) {
            throw ModelException("got ${values.size} values, but the model takes ${input.numElements()}")
        }
        val given = direct(input.numBytes())
        values.forEach { put(given, it, input) }
        given.rewind()
        val answer = direct(output.numBytes())
        interpreter.runSignature(
            mapOf<String, Any>(contract.input to given),
            mapOf<String, Any>(contract.output to answer),
            contract.signature,
        )
        answer.rewind()
        return FloatArray(output.numElements()) { get(answer, output) }
    }

    override fun close() = interpreter.close()

    private fun open(threads: Int): Interpreter {
        val options = Interpreter.Options()
        options.setNumThreads(threads)
        return Interpreter(buffer, options)
    }

    private fun labels(): List<String> {
        val file = checked {
            MetadataExtractor(buffer.duplicate().order(ByteOrder.nativeOrder()))
                .getAssociatedFile("labels.txt")
        }
        return file.bufferedReader().useLines { it.toList() }
    }

    private fun fail(what: String): Nothing {
        close()
        throw ModelException("model ${contract.model} $what")
    }

    /** Native code reports files and tensors that it cannot use with several kinds of exception. */
    private fun <T> checked(action: () -> T): T =
        try {
            action()
        } catch (error: IllegalArgumentException) {
            throw ModelException("model ${contract.model} cannot be used: ${error.message}", error)
        } catch (error: IllegalStateException) {
            throw ModelException("model ${contract.model} cannot be used: ${error.message}", error)
        } catch (error: IOException) {
            throw ModelException("model ${contract.model} is damaged: ${error.message}", error)
        }

    private companion object {
        fun direct(size: Int): ByteBuffer =
            ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder())

        fun put(buffer: ByteBuffer, value: Float, tensor: Tensor) {
            val stored = tensor.quantizationParams()
            when (tensor.dataType()) {
                DataType.FLOAT32 -> buffer.putFloat(value)
                DataType.UINT8 -> {
                    val steps = Math.round(value / stored.scale) + stored.zeroPoint
                    buffer.put(steps.coerceIn(0, 255).toByte())
                }
                else -> throw ModelException("inputs of type ${tensor.dataType()} are not supported")
            }
        }

        fun get(buffer: ByteBuffer, tensor: Tensor): Float {
            val stored = tensor.quantizationParams()
            return when (tensor.dataType()) {
                DataType.FLOAT32 -> buffer.getFloat()
                DataType.UINT8 -> {
                    ((buffer.get().toInt() and 0xff) - stored.zeroPoint) * stored.scale
                }
                else -> throw ModelException("outputs of type ${tensor.dataType()} are not supported")
            }
        }
    }
}
