package fanout

import kotlin.math.max
import kotlin.math.min

/** A class and its probability, from 0 to 1. */
data class Prediction(val label: String, val probability: Float)

/** What one answer of the model says. [output] is the name of its output. */
sealed interface Finding {
    val output: String
}

/** One class of several: all of them, the most probable first. */
class Classes(override val output: String, val predictions: List<Prediction>) : Finding

/** Yes or no. [probability] is that of [question], the name of yes. */
class Side(
    override val output: String,
    val label: String,
    val isYes: Boolean,
    val question: String,
    val probability: Float,
) : Finding

/** The labels above the threshold, the most probable first. */
class Labels(override val output: String, val predictions: List<Prediction>) : Finding

/** Numbers in a unit, which may be empty. [labels] names them; it is empty where they have no names. */
class Numbers(
    override val output: String,
    val values: List<Float>,
    val unit: String,
    val labels: List<String>,
) : Finding

/**
 * A class for each pixel.
 *
 * @property classes the classes' places in [labels], row by row.
 */
class Mask(
    override val output: String,
    val width: Int,
    val height: Int,
    val classes: IntArray,
    val labels: List<String>,
) : Finding {
    /** The share of the pixels of each class that occurs, the largest first. */
    val shares: List<Prediction>
        get() =
            classes.toList().groupingBy { it }.eachCount().entries
                .sortedByDescending { it.value }
                .map { (place, count) ->
                    Prediction(labels.getOrElse(place) { "class $place" }, count.toFloat() / classes.size)
                }

    /** Returns a colour for each pixel, to lay over the picture: class 0 is clear. */
    fun colours(): IntArray = IntArray(classes.size) { translucent(classes[it]) }
}

/** A box around a thing. Its sides are shares of the picture's width and height, from 0 to 1. */
data class Box(
    val label: String,
    val place: Int,
    val score: Float,
    val left: Float,
    val top: Float,
    val right: Float,
    val bottom: Float,
)

/** The boxes above the threshold, the best first. */
class Boxes(override val output: String, val boxes: List<Box>) : Finding

/** A vector whose direction says what the picture is like. */
class Vector(override val output: String, val values: FloatArray) : Finding

/** Numbers of which nothing else is known. */
class Values(override val output: String, val shape: List<Int>, val values: FloatArray) : Finding

private typealias Find = (outputs: List<Output>, answer: Map<String, FloatArray>, contract: Contract) -> Finding

private const val DETECTION = "detection"

private val ROLES: Map<String, Find> =
    mapOf(
        Output.CLASSIFICATION to { outputs, answer, _ -> classes(outputs[0], answer.getValue(outputs[0].name)) },
        "binary" to { outputs, answer, _ -> side(outputs[0], answer.getValue(outputs[0].name)) },
        "multi_label" to { outputs, answer, _ -> labels(outputs[0], answer.getValue(outputs[0].name)) },
        "regression" to { outputs, answer, _ ->
            Numbers(outputs[0].name, answer.getValue(outputs[0].name).toList(), outputs[0].unit, outputs[0].labels)
        },
        "segmentation" to { outputs, answer, _ -> mask(outputs[0], answer.getValue(outputs[0].name)) },
        DETECTION to ::boxes,
        "embedding" to { outputs, answer, _ -> Vector(outputs[0].name, answer.getValue(outputs[0].name)) },
        "tensor" to { outputs, answer, _ ->
            val values = answer.getValue(outputs[0].name)
            Values(outputs[0].name, outputs[0].shape ?: listOf(values.size), values)
        },
    )

/**
 * Returns what the answers say, in the order of the outputs; a detection's outputs are one answer.
 *
 * @param answer each output's values by its name.
 * @throws ModelException the contract names a role that does not exist.
 */
fun findings(contract: Contract, answer: Map<String, FloatArray>): List<Finding> =
    contract.outputs
        // No output has an empty name.
        .groupBy { if (it.role == DETECTION) "" else it.name }
        .values
        .map { outputs ->
            val role = outputs[0].role
            val find = ROLES[role] ?: throw ModelException("model ${contract.model} has the unknown role $role")
            find(outputs, answer, contract)
        }

/** Returns the colour of a class: hues that follow one another are far apart. */
fun colour(place: Int): Int {
    val hue = place * 0.618034f % 1 * 6
    val channels = floatArrayOf(5f, 3f, 1f).map { shift ->
        val part = (shift + hue) % 6
        (255 * (1 - 0.6f * max(0f, min(min(part, 4 - part), 1f)))).toInt()
    }
    return (0xff shl 24) or (channels[0] shl 16) or (channels[1] shl 8) or channels[2]
}

private fun translucent(place: Int): Int = if (place == 0) 0 else (colour(place) and 0xffffff) or (0x99 shl 24)

private fun classes(output: Output, values: FloatArray): Classes {
    val predictions = values.mapIndexed { place, value -> Prediction(output.label(place), value) }
    return Classes(output.name, predictions.sortedByDescending { it.probability })
}

private fun side(output: Output, values: FloatArray): Side {
    val (no, yes) = output.sides
    val isYes = values[0] > output.threshold
    return Side(output.name, if (isYes) yes else no, isYes, yes, values[0])
}

private fun labels(output: Output, values: FloatArray) =
    Labels(output.name, classes(output, values).predictions.filter { it.probability > output.threshold })

private fun mask(output: Output, values: FloatArray): Mask {
    val (height, width, depth) = output.shape?.takeIf { it.size == 3 }
        ?: throw ModelException("the output ${output.name} must have the shape (height, width, classes)")
    val classes = IntArray(height * width) { pixel ->
        if (depth == 1) {
            if (values[pixel] > output.threshold) 1 else 0
        } else {
            (0 until depth).maxBy { values[pixel * depth + it] }
        }
    }
    val names = if (depth == 1) output.sides.toList() else output.labels
    return Mask(output.name, width, height, classes, names)
}

private fun boxes(outputs: List<Output>, answer: Map<String, FloatArray>, contract: Contract): Boxes {
    val parts = outputs.associateBy { it.part }
    val corners = parts.getValue("boxes")
    val scored = parts.getValue("scores")
    val named = outputs.firstOrNull { it.labels.isNotEmpty() } ?: scored
    val places = answer.getValue(corners.name)
    val scores = answer.getValue(scored.name)
    val kinds = parts["classes"]?.let { answer.getValue(it.name) }
    val count = places.size / 4
    // Scores may have a value for each class of a box.
    val depth = scores.size / count
    val found = (0 until count).mapNotNull { row ->
        val best = (0 until depth).maxBy { scores[row * depth + it] }
        val score = scores[row * depth + best]
        if (score <= scored.threshold) return@mapNotNull null
        val kind = if (depth > 1) best else kinds?.let { Math.round(it[row]) } ?: 0
        box(named.label(kind), kind, score, places.sliceArray(row * 4 until row * 4 + 4), corners.boxFormat, contract)
    }
    return Boxes(outputs.minBy { it.part }.name, found.sortedByDescending { it.score })
}

private fun box(
    label: String,
    place: Int,
    score: Float,
    corners: FloatArray,
    format: String,
    contract: Contract,
): Box {
    val (left, top, right, bottom) =
        if (format.endsWith("xyxy")) corners.toList() else listOf(corners[1], corners[0], corners[3], corners[2])
    val (width, height) =
        if (format.startsWith("rel_")) 1f to 1f else contract.width.toFloat() to contract.height.toFloat()
    // A network may give the right side before the left one.
    return Box(
        label, place, score,
        min(left, right) / width, min(top, bottom) / height, max(left, right) / width, max(top, bottom) / height,
    )
}
