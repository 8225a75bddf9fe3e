package fanout

import java.io.Closeable

/** The predictions, most probable first, and the time that the interpreter took. */
data class Answer(val predictions: List<Prediction>, val milliseconds: Double)

/**
 * Runs a model for its class probabilities alone; [Predictor] gives all of its answers. One thread at a
 * time may use it.
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
    private val output = contract.outputs.first { it.name == contract.output }.copy(labels = contract.labels)

    init {
        if (output.role != Output.CLASSIFICATION) {
            throw ModelException("model ${contract.model} has no class probabilities; use Predictor")
        }
    }

    private val predictor = Predictor(model, contract.copy(outputs = listOf(output)), threads)

    /** Returns the picture's predicted classes. */
    fun classify(picture: Picture): Answer {
        val (findings, milliseconds) = predictor.answer(picture)
        return Answer((findings.single() as Classes).predictions, milliseconds)
    }

    /**
     * Returns the probabilities, in the order of the labels.
     *
     * @param values height × width × channels numbers in the contract's range.
     */
    fun predict(values: FloatArray): FloatArray = predictor.predict(values).getValue(contract.output)

    override fun close() = predictor.close()
}
