package fanout

import java.io.File
import kotlin.math.abs
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.BeforeClass
import org.junit.Test

/**
 * Tests the app's Predictor against a release with outputs of every role: every golden example.
 *
 * The system property `roles` names the release's folder. Its `expected.json` has the decision of each
 * answer, by output, as a data set has true answers.
 */
class RolesTest {
    private val release = System.getProperty("roles")?.let(::File)

    @Before
    fun aReleaseIsNamed() = assumeTrue("no release with all roles is named", release != null)

    private fun text(name: String) = release!!.resolve(name).readText()

    private fun model(variant: String) =
        release!!.resolve("mobile").listFiles { file -> ".$variant." in file.name }!!.single().readBytes()

    private val contract by lazy { Contract.parse(text("contract.json")) }
    private val golden by lazy { JSONObject(text("golden.json")).getJSONArray("examples") }

    @Test
    fun everyDecisionIsTheSavedModels() {
        val expected = JSONObject(text("expected.json"))
        Predictor(model("float32"), contract, threads = 1).use { predictor ->
            for (row in 0 until golden.length()) {
                val findings = predictor.answer(picture(row)).findings
                assertEquals(expected.keySet(), findings.map { it.output }.toSet())
                for (finding in findings) check(finding, expected.getJSONArray(finding.output).get(row))
            }
        }
    }

    private fun check(finding: Finding, expected: Any) {
        val output = contract.outputs.first { it.name == finding.output }
        when (finding) {
            is Classes -> assertEquals(output.label((expected as Number).toInt()), finding.predictions[0].label)
            is Side -> assertEquals(expected == 1, finding.isYes)
            is Labels -> {
                val yes = floats(expected).withIndex().filter { it.value == 1f }.map { output.label(it.index) }
                assertEquals(yes.toSet(), finding.predictions.map { it.label }.toSet())
            }
            is Mask -> assertEquals(floats(expected).map { it.toInt() }, finding.classes.toList())
            is Boxes -> {
                val rows = floats(expected).toList().chunked(5).filter { it[4] >= 0 }
                assertEquals(rows.map { it[4].toInt() }, finding.boxes.map { it.place })
                for ((box, corners) in finding.boxes.zip(rows)) {
                    val sides = listOf(box.top, box.left, box.bottom, box.right)
                    val ordered = listOf(0, 1).map { minOf(corners[it], corners[it + 2]) } +
                        listOf(0, 1).map { maxOf(corners[it], corners[it + 2]) }
                    assertTrue("$sides $ordered", sides.zip(ordered).all { (one, other) -> abs(one - other) < 1e-4 })
                }
            }
            is Numbers -> near(finding.values.toFloatArray(), floats(expected))
            is Vector -> near(finding.values, floats(expected))
            is Values -> near(finding.values, floats(expected))
        }
    }

    @Test
    fun anExampleIsNearestToItself() {
        val nearest = Nearest(text("golden.json"), contract)
        Predictor(model("int8"), contract, threads = 1).use { predictor ->
            for (row in 0 until golden.length()) {
                val vector = predictor.answer(picture(row)).findings.filterIsInstance<Vector>().single()
                assertEquals(row + 1, nearest.to(vector)!!.number)
            }
        }
    }

    @Test
    fun aClassifierTakesTheClassesOutOfSeveralOutputs() {
        Classifier(model("float32"), contract).use { classifier ->
            val expected = golden.getJSONObject(0).getJSONObject("outputs").get(contract.output)
            near(classifier.predict(floats(inputs(0))), floats(expected))
            assertEquals(contract.labels.toSet(), classifier.classify(picture(0)).predictions.map { it.label }.toSet())
        }
        val other = contract.copy(output = contract.outputs.first { it.role == "regression" }.name)
        val error = assertThrows(ModelException::class.java) { Classifier(model("float32"), other).close() }
        assertTrue(error.message, error.message!!.endsWith("has no class probabilities; use Predictor"))
    }

    @Test
    fun labelsOfEveryOutputAreThoseOfTheFile() {
        val swapped = contract.outputs.map { if (it.name == "ground") it.copy(labels = it.labels.reversed()) else it }
        val error = assertThrows(ModelException::class.java) {
            Predictor(model("float32"), contract.copy(outputs = swapped)).close()
        }
        assertTrue(error.message, "was made for the labels [grass, sky]" in error.message!!)
    }

    private fun inputs(row: Int): Any = golden.getJSONObject(row).getJSONObject("inputs").get(contract.input)

    private fun picture(row: Int): Picture = picture(floats(inputs(row)), contract)

    private fun near(found: FloatArray, expected: FloatArray) {
        assertEquals(expected.size, found.size)
        assertTrue(expected.indices.all { abs(found[it] - expected[it]) <= 1e-4f })
    }

    companion object {
        @BeforeClass
        @JvmStatic
        fun loadNativeLibrary() = NativeLibrary.load()
    }
}
