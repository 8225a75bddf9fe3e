package fanout

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class FindingsTest {
    private fun contract(vararg outputs: Output) =
        Contract("m", "M", "serving_default", "image", 10, 20, 3, outputs[0].name, emptyList(), outputs.toList())

    private fun find(output: Output, vararg values: Float): Finding =
        findings(contract(output), mapOf(output.name to values)).single()

    @Test
    fun oneProbabilityIsYesOrNo() {
        val named = Output("x", "binary", labels = listOf("blurred", "sharp"), threshold = 0.7f)
        val side = find(named, 0.6f) as Side
        assertEquals(Triple("blurred", false, 0.6f), Triple(side.label, side.isYes, side.probability))
        assertEquals(listOf(Row("blurred  (sharp  60.0 %)", 0.6f)), rows(side, 3))
        val unnamed = find(Output("x", "binary"), 0.6f)
        assertEquals(listOf(Row("yes  60.0 %", 0.6f)), rows(unnamed, 3))
        assertEquals("not cat", (find(Output("x", "binary", labels = listOf("cat")), 0.1f) as Side).label)
    }

    @Test
    fun labelsAreThoseAboveTheThreshold() {
        val output = Output("x", "multi_label", labels = listOf("a", "b", "c"))
        val found = find(output, 0.6f, 0.4f, 0.9f)
        assertEquals(listOf("c  90.0 %", "a  60.0 %"), rows(found, 1).map { it.text })
        assertEquals(listOf(Row("nothing")), rows(find(output, 0f, 0f, 0f), 3))
    }

    @Test
    fun numbersHaveTheirUnit() {
        assertEquals(listOf(Row("-21.5 °C")), rows(find(Output("x", "regression", unit = "°C"), -21.5f), 3))
        val named = Output("x", "regression", labels = listOf("w", "h"), unit = "m")
        assertEquals(listOf("w  1000 m", "h  1.2346e-05 m"), rows(find(named, 1000f, 1.23456e-5f), 3).map { it.text })
        val tensor = find(Output("x", "tensor", listOf(2, 1)), 0.5f, 3f)
        assertEquals(listOf(Row("shape (2, 1): 0.5, 3")), rows(tensor, 3))
        val long = find(Output("x", "embedding"), *FloatArray(9) { it.toFloat() })
        assertEquals(listOf(Row("0, 1, 2, 3, 4, 5, … (9 numbers)")), rows(long, 3))
    }

    @Test
    fun aMaskHasAClassForEachPixel() {
        val output = Output("x", "segmentation", listOf(1, 2, 2), listOf("grass", "sky"))
        val mask = find(output, 0.1f, 0.9f, 0.2f, 0.8f) as Mask
        assertArrayEquals(intArrayOf(1, 1), mask.classes)
        assertEquals(2 to 1, mask.width to mask.height)
        assertEquals(listOf(Prediction("sky", 1f)), mask.shares)
        val single = find(Output("x", "segmentation", listOf(1, 2, 1), threshold = 0.4f), 0.3f, 0.5f) as Mask
        assertArrayEquals(intArrayOf(0, 1), single.classes)
        assertEquals(0, single.colours()[0])
        assertEquals(0x99, single.colours()[1] ushr 24)
        assertThrows(ModelException::class.java) { find(Output("x", "segmentation", listOf(4)), 1f) }
    }

    private fun boxes(format: String, corners: FloatArray, scores: FloatArray, classes: FloatArray?): List<Box> {
        val outputs = listOfNotNull(
            Output("s", "detection", part = "scores", labels = listOf("ball", "kite")),
            classes?.let { Output("c", "detection", part = "classes") },
            Output("b", "detection", part = "boxes", boxFormat = format),
        )
        val answer = mapOf("b" to corners, "s" to scores) + (classes?.let { mapOf("c" to it) } ?: emptyMap())
        val found = findings(contract(*outputs.toTypedArray()), answer).single() as Boxes
        assertEquals("b", found.output)
        return found.boxes
    }

    @Test
    fun boxesAreSharesOfThePicture() {
        val expected = Box("ball", 0, 0.9f, 0.1f, 0.2f, 0.5f, 0.6f)
        for ((format, corners) in mapOf(
            "rel_yxyx" to floatArrayOf(0.2f, 0.1f, 0.6f, 0.5f),
            "rel_xyxy" to floatArrayOf(0.1f, 0.2f, 0.5f, 0.6f),
            "yxyx" to floatArrayOf(2f, 2f, 6f, 10f),
            "xyxy" to floatArrayOf(10f, 6f, 2f, 2f),
        )) {
            assertEquals(format, listOf(expected), boxes(format, corners, floatArrayOf(0.9f), null))
        }
    }

    @Test
    fun boxesBelowTheThresholdAreLeftOut() {
        val corners = FloatArray(12)
        val named = boxes("yxyx", corners, floatArrayOf(0.6f, 0.5f, 0.8f), floatArrayOf(0f, 1f, 1f))
        assertEquals(listOf("kite" to 0.8f, "ball" to 0.6f), named.map { it.label to it.score })
        val scored = boxes("yxyx", corners, floatArrayOf(0.6f, 0.7f, 0.1f, 0.2f, 0.3f, 0.1f), null)
        assertEquals(listOf("kite" to 0.7f), scored.map { it.label to it.score })
    }

    @Test
    fun valuesThatAreNoProbabilitiesHaveNoBars() {
        val logits = find(Output("x", labels = listOf("a", "b")), -1f, 2.5f)
        assertEquals(listOf(Row("b  2.5"), Row("a  -1")), rows(logits, 3))
    }

    @Test
    fun anUnknownRoleIsReported() {
        val error = assertThrows(ModelException::class.java) { find(Output("x", "guess"), 1f) }
        assertEquals("model m has the unknown role guess", error.message)
    }

    @Test
    fun theNearestExampleIsNamed() {
        val output = Output("v", "embedding")
        val kinds = Output("kind", labels = listOf("cat", "dog"))
        val golden = """{"examples": [{"label": 0, "outputs": {"v": [1, 0]}}, {"label": 1, "outputs": {"v": [1, 1]}},
            {"label": null, "outputs": {"v": [-1, 0]}}]}"""
        val nearest = Nearest(golden, contract(kinds, output))
        val found = nearest.to(Vector("v", floatArrayOf(2f, 2.1f)))!!
        assertEquals("nearest: test example 2 (dog), cosine 1.000", words(found, madeUp = false))
        val other = nearest.to(Vector("v", floatArrayOf(-5f, 0.1f)))!!
        assertEquals("nearest: made-up input 3, cosine 1.000", words(other, madeUp = true))
        assertThrows(ModelException::class.java) { Nearest("{", contract(output)) }
    }

    @Test
    fun coloursOfNeighboursDiffer() {
        val colours = (1..12).map(::colour)
        assertEquals(12, colours.toSet().size)
        assertTrue(colours.all { it ushr 24 == 0xff })
    }
}
