package fanout

import kotlin.math.sqrt
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/**
 * The release's example that is most like a picture.
 *
 * @property number its number, from 1.
 * @property label its true class; null where it is unknown.
 * @property cosine the cosine of the two vectors.
 */
data class Neighbour(val number: Int, val label: String?, val cosine: Float)

/**
 * The release's examples, to compare an embedding with.
 *
 * @param json the content of `golden.json`.
 * @throws ModelException it is damaged.
 */
class Nearest(json: String, private val contract: Contract) {
    private val examples: List<JSONObject> =
        try {
            val examples = JSONObject(json).getJSONArray("examples")
            List(examples.length()) { examples.getJSONObject(it) }
        } catch (error: JSONException) {
            throw ModelException("golden.json is damaged: ${error.message}", error)
        }

    /** Returns the example whose vector has the most similar direction; null if there are none. */
    fun to(vector: Vector): Neighbour? =
        examples
            .mapIndexed { row, example ->
                val other = numbers(example.getJSONObject("outputs").getJSONArray(vector.output))
                Neighbour(row + 1, label(example), cosine(vector.values, other))
            }
            .maxByOrNull { it.cosine }

    private fun label(example: JSONObject): String? {
        val named = contract.outputs.firstOrNull { it.labels.isNotEmpty() } ?: return null
        val place = if (example.isNull("label")) -1 else example.optInt("label", -1)
        return named.labels.getOrNull(place)
    }

    private fun numbers(array: JSONArray) = FloatArray(array.length()) { array.getDouble(it).toFloat() }

    private fun cosine(one: FloatArray, other: FloatArray): Float {
        fun product(left: FloatArray, right: FloatArray) =
            left.indices.sumOf { left[it].toDouble() * right[it] }
        val lengths = sqrt(product(one, one) * product(other, other))
        return if (lengths == 0.0) 0f else (product(one, other) / lengths).toFloat()
    }
}
