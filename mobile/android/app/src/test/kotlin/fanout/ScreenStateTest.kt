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
    fun severalAnswersStandBelowTheirNames() {
        val picture = Picture(1, 1, intArrayOf(0))
        val numbers = Numbers("age", listOf(41f), "years", emptyList())
        val vector = Vector("face", floatArrayOf(1f))
        val state = ScreenState().answered(Answers(listOf(numbers, vector), 2.0), picture) { "nearest: test example 3" }
        assertEquals(listOf("age:", "41 years", "face:", "1", "nearest: test example 3"), state.lines)
        assertEquals(null, state.picture)
    }

    @Test
    fun aPictureIsShownWithItsMaskAndUntilTheNextAnswer() {
        val picture = Picture(1, 1, intArrayOf(0))
        val mask = Mask("ground", 1, 1, intArrayOf(1), listOf("grass", "sky"))
        val state = ScreenState().answered(Answers(listOf(mask), 2.0), picture)
        assertEquals(listOf(Row("sky  100.0 %", 1f)), state.rows)
        assertEquals(picture to listOf<Finding>(mask), state.picture to state.drawn)
        assertTrue(state.working().picture == null && state.working().drawn.isEmpty())
    }

    @Test
    fun anErrorReachesTheScreen() {
        val state = ScreenState().working().failed(ModelException("no model"))
        assertEquals("no model", state.message)
        assertTrue(!state.busy && state.lines.isEmpty())
    }
}
