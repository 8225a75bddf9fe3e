package fanout

import java.util.Locale

/**
 * A row of the screen.
 *
 * @property share the length of its bar, from 0 to 1; null where it has none.
 */
data class Row(val text: String, val share: Float? = null)

// A row shows at most so many numbers of a vector.
private const val MOST_NUMBERS = 6

/**
 * Returns the rows that say what a finding says.
 *
 * @param count the number of classes to name.
 */
fun rows(finding: Finding, count: Int): List<Row> =
    when (finding) {
        is Classes -> bars(finding.predictions.take(count))
        is Labels -> bars(finding.predictions).ifEmpty { listOf(Row("nothing")) }
        is Mask -> bars(finding.shares.take(count))
        is Boxes -> bars(finding.boxes.map { Prediction(it.label, it.score) }).ifEmpty { listOf(Row("nothing")) }
        is Side -> {
            val chance = Prediction(finding.question, finding.probability)
            bars(listOf(chance)).map { if (finding.isYes) it else it.copy(text = "${finding.label}  (${it.text})") }
        }
        is Numbers -> {
            val unit = if (finding.unit.isEmpty()) "" else " ${finding.unit}"
            if (finding.labels.size == finding.values.size) {
                finding.labels.zip(finding.values) { label, value -> Row("$label  ${number(value)}$unit") }
            } else {
                listOf(Row(numbers(finding.values.toFloatArray()) + unit))
            }
        }
        is Vector -> listOf(Row(numbers(finding.values)))
        is Values -> listOf(Row("shape (${finding.shape.joinToString()}): ${numbers(finding.values)}"))
    }

/** Returns the row that names the nearest example. */
fun words(neighbour: Neighbour, madeUp: Boolean): String {
    val kind = if (madeUp) "made-up input" else "test example"
    val label = neighbour.label?.let { " ($it)" } ?: ""
    return "nearest: $kind ${neighbour.number}$label, cosine ${format("%.3f", neighbour.cosine)}"
}

private fun bars(predictions: List<Prediction>): List<Row> {
    // A value that is not a probability, such as a logit, has no bar.
    val areShares = predictions.all { it.probability in 0f..1.001f }
    return predictions.map { (label, value) ->
        if (areShares) Row("$label  ${format("%.1f", value * 100)} %", value.coerceAtMost(1f))
        else Row("$label  ${number(value)}")
    }
}

private fun numbers(values: FloatArray): String {
    val shown = values.take(MOST_NUMBERS).joinToString { number(it) }
    return if (values.size <= MOST_NUMBERS) shown else "$shown, … (${values.size} numbers)"
}

/** Returns a number with five digits that count, without zeros at the end. */
private fun number(value: Float): String {
    val written = format("%.5g", value)
    val (digits, exponent) = written.split('e').let { it[0] to it.getOrNull(1) }
    val short = if ('.' in digits) digits.trimEnd('0').trimEnd('.') else digits
    return if (exponent == null) short else "${short}e$exponent"
}

private fun format(pattern: String, value: Float): String = String.format(Locale.ROOT, pattern, value)
