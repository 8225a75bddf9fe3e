package fanout

import java.io.Closeable
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor
import org.tensorflow.lite.support.metadata.MetadataExtractor

/** What all answers to a picture say, in the order of the outputs, and the time the interpreter took. */
data class Answers(val findings: List<Finding>, val milliseconds: Double)

/**
 * Runs a model with outputs of any role. It uses no user interface and no Android classes. One thread
 * at a time may use it.
 *
 * @param model the bytes of a .tflite file with its metadata.
 * @param contract the content of the model's `contract.json`.
 * @throws ModelException the file is not a model, or not the model that the contract describes.
 */
class Predictor(
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
    private val outputs: Map<String, Tensor> = checked {
        contract.outputs.associate {
            it.name to interpreter.getOutputTensorFromSignature(it.name, contract.signature)
        }
    }

    init {
        val expected = intArrayOf(1, contract.height, contract.width, contract.channels)
        if (!input.shape().contentEquals(expected)) {
            fail("takes ${input.shape().contentToString()}, but the contract says ${expected.contentToString()}")
        }
        contract.outputs.forEach(::requireAsDescribed)
    }

    /** Returns what the model says about the picture. */
    fun answer(picture: Picture): Answers {
        val span = (contract.maximum - contract.minimum) / 255
        val bytes = picture.values(contract.height, contract.width, contract.channels)
        val values = if (span == 1f && contract.minimum == 0f) bytes else {
            FloatArray(bytes.size) { contract.minimum + bytes[it] * span }
        }
        val start = System.nanoTime()
        val answer = predict(values)
        val milliseconds = (System.nanoTime() - start) / 1e6
        return Answers(findings(contract, answer), milliseconds)
    }

    /**
     * Returns each output's values by its name, row by row.
     *
     * @param values height × width × channels numbers in the contract's range.
     */
    fun predict(values: FloatArray): Map<String, FloatArray> {
        if (values.size != input.numElements()) {
            throw ModelException("got ${values.size} values, but the model takes ${input.numElements()}")
        }
        val given = direct(input.numBytes())
        val isRaw = input.dataType().name.equals(contract.inputType, ignoreCase = true)
        values.forEach { put(given, it, input, isRaw) }
        given.rewind()
        val answer = outputs.mapValues { direct(it.value.numBytes()) }
        interpreter.runSignature(mapOf<String, Any>(contract.input to given), answer, contract.signature)
        return answer.mapValues { (name, buffer) ->
            buffer.rewind()
            val tensor = outputs.getValue(name)
            FloatArray(tensor.numElements()) { get(buffer, tensor) }
        }
    }

    override fun close() = interpreter.close()

    private fun open(threads: Int): Interpreter {
        val options = Interpreter.Options()
        options.setNumThreads(threads)
        return Interpreter(buffer, options)
    }

    private fun requireAsDescribed(output: Output) {
        val count = outputs.getValue(output.name).numElements()
        val expected = output.shape?.fold(1, Int::times)
        if (expected != null && count != expected) {
            fail("answers ${output.name} with $count numbers, but the contract says $expected")
        }
        if (output.role == Output.CLASSIFICATION && output.labels.isNotEmpty() && count != output.labels.size) {
            fail("answers with $count numbers for ${output.labels.size} labels")
        }
        if (output.labels.isNotEmpty() && labels(output) != output.labels) {
            fail("was made for the labels ${labels(output)}, but the contract says ${output.labels}")
        }
    }

    private fun labels(output: Output): List<String> {
        val file = checked {
            MetadataExtractor(buffer.duplicate().order(ByteOrder.nativeOrder()))
                .getAssociatedFile(output.labelFile)
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

        /** Writes a value as the tensor holds it; [isRaw] says that the contract has that type too. */
        fun put(buffer: ByteBuffer, value: Float, tensor: Tensor, isRaw: Boolean) {
            val stored = tensor.quantizationParams()
            val steps =
                if (isRaw || stored.scale == 0f) Math.round(value)
                else Math.round(value / stored.scale) + stored.zeroPoint
            when (tensor.dataType()) {
                DataType.FLOAT32 -> buffer.putFloat(value)
                DataType.UINT8 -> buffer.put(steps.coerceIn(0, 255).toByte())
                DataType.INT8 -> buffer.put(steps.coerceIn(-128, 127).toByte())
                DataType.INT32 -> buffer.putInt(Math.round(value))
                DataType.INT64 -> buffer.putLong(Math.round(value.toDouble()))
                else -> throw ModelException("inputs of type ${tensor.dataType()} are not supported")
            }
        }

        fun get(buffer: ByteBuffer, tensor: Tensor): Float {
            val stored = tensor.quantizationParams()
            val real = { steps: Int ->
                if (stored.scale == 0f) steps.toFloat() else (steps - stored.zeroPoint) * stored.scale
            }
            return when (tensor.dataType()) {
                DataType.FLOAT32 -> buffer.getFloat()
                DataType.UINT8 -> real(buffer.get().toInt() and 0xff)
                DataType.INT8 -> real(buffer.get().toInt())
                DataType.INT32 -> buffer.getInt().toFloat()
                DataType.INT64 -> buffer.getLong().toFloat()
                DataType.BOOL -> buffer.get().toFloat()
                else -> throw ModelException("outputs of type ${tensor.dataType()} are not supported")
            }
        }
    }
}
