package fanout

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/** The model, its contract or a picture is invalid; the message says what is wrong. */
class ModelException(message: String, cause: Throwable? = null) : Exception(message, cause)

/**
 * An output of the model, and what its numbers mean.
 *
 * @property role what it answers, such as `classification` or `regression`.
 * @property shape its shape without the batch; null in contracts that do not say it.
 * @property labels the names of its classes, in the order of its values; empty where it has none.
 * @property labelFile the file in the model's metadata that has the labels.
 * @property unit the unit of its numbers; empty where there is none.
 * @property threshold the value above which it says yes.
 * @property part for a detection: `boxes`, `scores` or `classes`.
 * @property boxFormat for boxes: `yxyx` or `xyxy`, in pixels of the model's picture, or `rel_` and one
 *   of these, in shares of the picture.
 */
data class Output(
    val name: String,
    val role: String = CLASSIFICATION,
    val shape: List<Int>? = null,
    val labels: List<String> = emptyList(),
    val labelFile: String = FIRST_LABELS,
    val unit: String = "",
    val threshold: Float = 0.5f,
    val part: String = "",
    val boxFormat: String = "rel_yxyx",
) {
    /** Returns the name of a class. */
    fun label(place: Int): String = labels.getOrElse(place) { "class $place" }

    /** The names of no and of yes, where one probability decides. */
    val sides: Pair<String, String>
        get() =
            when (labels.size) {
                0 -> "no" to "yes"
                1 -> "not ${labels[0]}" to labels[0]
                else -> labels[0] to labels[1]
            }

    companion object {
        const val CLASSIFICATION = "classification"
        const val FIRST_LABELS = "labels.txt"
    }
}

/**
 * What a client must know about the model, read from `contract.json`.
 *
 * @property signature the name of the signature that takes tensors.
 * @property input the alias of its only input, a picture.
 * @property height the number of rows of the picture.
 * @property width the number of columns of the picture.
 * @property channels 1 for grey, 3 for red, green and blue.
 * @property output the alias of the first output with class probabilities; else of the first output.
 * @property labels its class names, in the order of the output.
 * @property outputs all outputs.
 * @property inputType the element type of the picture, such as `uint8`.
 * @property minimum the value of a black pixel.
 * @property maximum the value of a white pixel.
 * @property madeUp whether the release's examples are made up.
 */
data class Contract(
    val model: String,
    val title: String,
    val signature: String,
    val input: String,
    val height: Int,
    val width: Int,
    val channels: Int,
    val output: String,
    val labels: List<String>,
    val outputs: List<Output> = listOf(Output(output, labels = labels)),
    val inputType: String = "float32",
    val minimum: Float = 0f,
    val maximum: Float = 255f,
    val madeUp: Boolean = false,
) {
    companion object {
        /** Returns the contract in a JSON text. Throws [ModelException] when it is invalid. */
        fun parse(json: String): Contract =
            try {
                read(JSONObject(json))
            } catch (error: JSONException) {
                throw ModelException("contract.json is damaged: ${error.message}", error)
            }

        private fun read(contract: JSONObject): Contract {
            val inputs = contract.getJSONArray("inputs")
            val input = inputs.getJSONObject(0)
            if (inputs.length() != 1 || input.getString("kind") != "image") {
                throw ModelException("model ${contract.getString("model")} does not take one picture")
            }
            val shape = input.getJSONArray("shape")
            val outputs = outputs(contract)
            val first = outputs.firstOrNull { it.role == Output.CLASSIFICATION } ?: outputs.first()
            return Contract(
                model = contract.getString("model"),
                title = contract.getString("title"),
                signature = contract.getJSONObject("signatures").getString("tensors"),
                input = input.getString("name"),
                height = shape.getInt(0),
                width = shape.getInt(1),
                channels = shape.getInt(2),
                output = first.name,
                labels = first.labels,
                outputs = outputs,
                inputType = input.optString("dtype", "float32"),
                minimum = input.optDouble("minimum", 0.0).toFloat(),
                maximum = input.optDouble("maximum", 255.0).toFloat(),
                madeUp = contract.optBoolean("made_up"),
            )
        }

        private fun outputs(contract: JSONObject): List<Output> {
            // Contracts from before outputs had roles have the labels of their only output here.
            val labels = texts(contract.getJSONArray("labels"))
            val described = contract.getJSONArray("outputs")
            val outputs = List(described.length()) { output(described.getJSONObject(it), labels) }
            if (outputs.isEmpty()) throw JSONException("it has no outputs")
            val labelled = outputs.filter { it.labels.isNotEmpty() }.drop(1).toSet()
            return outputs.map {
                val file = "labels.${it.name.replace('/', '_')}.txt"
                if (it in labelled) it.copy(labelFile = file) else it
            }
        }

        private fun output(described: JSONObject, labels: List<String>) =
            Output(
                name = described.getString("name"),
                role = described.optString("role", Output.CLASSIFICATION),
                shape = described.optJSONArray("shape")?.let { sizes -> List(sizes.length()) { sizes.getInt(it) } },
                labels = described.optJSONArray("labels")?.let(::texts) ?: labels,
                unit = described.optString("unit"),
                threshold = described.optDouble("threshold", 0.5).toFloat(),
                part = described.optString("part"),
                boxFormat = described.optString("box_format", "rel_yxyx"),
            )

        private fun texts(array: JSONArray) = List(array.length()) { array.getString(it) }
    }
}
