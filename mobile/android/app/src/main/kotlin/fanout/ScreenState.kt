package fanout

import java.util.Locale

/**
 * Everything that the screen shows; a new state replaces the old one completely.
 *
 * @property rows what the model says.
 * @property picture the picture to show with masks and boxes on it; null where there is nothing on it.
 * @property drawn the masks and boxes.
 */
data class ScreenState(
    val title: String = "Classifier",
    val rows: List<Row> = emptyList(),
    val message: String = "Pick or take a picture.",
    val busy: Boolean = false,
    val picture: Picture? = null,
    val drawn: List<Finding> = emptyList(),
) {
    /** The rows' texts. */
    val lines: List<String>
        get() = rows.map { it.text }

    fun opened(contract: Contract): ScreenState = copy(title = contract.title)

    fun working(): ScreenState = with(emptyList(), message = "Classifying …", busy = true)

    /** Returns the state that shows the best predictions and the time they took. */
    fun answered(answer: Answer, count: Int = 3): ScreenState =
        with(rows(Classes("", answer.predictions), count), time(answer.milliseconds))

    /**
     * Returns the state that shows all answers to a picture and the time they took.
     *
     * @param count the number of classes to name.
     * @param nearest finds the example that is most like an embedding; null where there are none.
     */
    fun answered(
        answers: Answers,
        picture: Picture,
        count: Int = 3,
        nearest: (Vector) -> String? = { null },
    ): ScreenState {
        val several = answers.findings.size > 1
        val rows = answers.findings.flatMap { finding ->
            val heading = if (several) listOf(Row("${finding.output}:")) else emptyList()
            val neighbour = (finding as? Vector)?.let(nearest)
            heading + rows(finding, count) + listOfNotNull(neighbour?.let { Row(it) })
        }
        val drawn = answers.findings.filter { it is Mask || it is Boxes }
        return with(rows, time(answers.milliseconds)).copy(
            picture = picture.takeIf { drawn.isNotEmpty() },
            drawn = drawn,
        )
    }

    fun failed(error: Throwable): ScreenState = with(emptyList(), message = error.message ?: error.toString())

    private fun with(rows: List<Row>, message: String, busy: Boolean = false) =
        copy(rows = rows, message = message, busy = busy, picture = null, drawn = emptyList())

    private fun time(milliseconds: Double) = String.format(Locale.ROOT, "%.1f ms", milliseconds)
}
