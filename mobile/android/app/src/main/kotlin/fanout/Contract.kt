package fanout

import org.json.JSONException
import org.json.JSONObject

/** The model, its contract or a picture is invalid; the message says what is wrong. */
class ModelException(message: String, cause: Throwable? = null) : Exception(message, cause)

/**
 * What a client must know about the model, read from `contract.json`.
 *
 * @property signature the name of the signature that takes tensors.
 * @property input the alias of its only input, a picture.
 * @property height the number of rows of the picture.
 * @property width the number of columns of the picture.
 * @property channels 1 for grey, 3 for red, green and blue.
 * @property output the alias of the class probabilities.
 * @property labels the class names, in the order of the output.
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
            val labels = contract.getJSONArray("labels")
            return Contract(
                model = contract.getString("model"),
                title = contract.getString("title"),
                signature = contract.getJSONObject("signatures").getString("tensors"),
                input = input.getString("name"),
                height = shape.getInt(0),
                width = shape.getInt(1),
                channels = shape.getInt(2),
                output = contract.getJSONArray("outputs").getJSONObject(0).getString("name"),
                labels = List(labels.length()) { labels.getString(it) },
            )
        }
    }
}
