package fanout

import java.util.Locale

/** Everything that the screen shows; a new state replaces the old one completely. */
data class ScreenState(
    val title: String = "Classifier",
    val lines: List<String> = emptyList(),
    val message: String = "Pick or take a picture.",
    val busy: Boolean = false,
) {
    fun opened(contract: Contract): ScreenState = copy(title = contract.title)

    fun working(): ScreenState = copy(lines = emptyList(), message = "Classifying …", busy = true)

    /** Returns the state that shows the best predictions and the time they took. */
    fun answered(answer: Answer, count: Int = 3): ScreenState =
        copy(
            lines = answer.predictions.take(count).map {
                "${it.label}  ${String.format(Locale.ROOT, "%.1f", it.probability * 100)} %"
            },
            message = String.format(Locale.ROOT, "%.1f ms", answer.milliseconds),
            busy = false,
        )

    fun failed(error: Throwable): ScreenState =
        copy(lines = emptyList(), message = error.message ?: error.toString(), busy = false)
}
