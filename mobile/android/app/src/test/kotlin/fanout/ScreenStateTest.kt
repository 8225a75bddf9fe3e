package fanout

import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class ScreenStateTest {
    @Test
    fun anAnswerShowsTheBestClassesAndTheTime() {
        val predictions = listOf("a" to 0.75f, "b" to 0.2f, "c" to 0.04f, "d" to 0.01f)
            .map { (label, probability) -> Prediction(label, probability) }
        val state = ScreenState().working().answered(Answer(predictions, 1.234))
        assertEquals(listOf("a  75.0 %", "b  20.0 %", "c  4.0 %"), state.lines)
        assertEquals("1.2 ms", state.message)
        assertTrue(!state.busy)
    }

    @Test
    fun anErrorReachesTheScreen() {
        val state = ScreenState().working().failed(ModelException("no model"))
        assertEquals("no model", state.message)
        assertTrue(!state.busy && state.lines.isEmpty())
    }
}
