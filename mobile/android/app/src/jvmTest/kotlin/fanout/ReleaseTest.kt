package fanout

import java.io.File
import kotlin.math.abs
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.BeforeClass
import org.junit.Test

/**
 * Tests the app's own classes against a release: every variant, every golden example, every output.
 *
 * It runs on a desktop's JVM with a native TensorFlow Lite that has the same Java classes. The system
 * property `release` names the release's folder.
 */
class ReleaseTest {
    private val release = File(System.getProperty("release"))
    private val contract = Contract.parse(release.resolve("contract.json").readText())
    private val golden = JSONObject(release.resolve("golden.json").readText()).getJSONArray("examples")
    private val models = release.resolve("mobile").listFiles { file -> file.extension == "tflite" }!!.sorted()

    @Test
    fun everyVariantAnswersAsTheSavedModel() {
        assertTrue("no model in $release", models.isNotEmpty())
        for (file in models) {
            val tolerance = tolerance(file.name)
            Predictor(file.readBytes(), contract, threads = 1).use { predictor ->
                var worst = 0f
                for (row in 0 until golden.length()) {
                    val example = golden.getJSONObject(row)
                    val answer = predictor.predict(floats(example.getJSONObject("inputs").get(contract.input)))
                    for ((name, values) in answer) {
                        val expected = floats(example.getJSONObject("outputs").get(name))
                        val size = maxOf(1f, expected.maxOf { abs(it) })
                        worst = maxOf(worst, values.indices.maxOf { abs(values[it] - expected[it]) } / size)
                    }
                }
                println("${file.name}: ${golden.length()} examples of ${contract.outputs.size} outputs, largest difference $worst")
                assertTrue("${file.name} differs by $worst", worst <= tolerance)
            }
        }
    }

    @Test
    fun aPictureIsClassified() {
        assumeTrue("the model has no class probabilities", contract.labels.isNotEmpty())
        val example = golden.getJSONObject(0)
        val picture = picture(floats(example.getJSONObject("inputs").get(contract.input)), contract)
        val scale = (contract.maximum - contract.minimum) / 255
        val bytes = picture.values(contract.height, contract.width, contract.channels)
        val file = models.first { it.name.contains("float32") }
        Classifier(file.readBytes(), contract).use { classifier ->
            val expected = classifier.predict(FloatArray(bytes.size) { contract.minimum + bytes[it] * scale })
            val answer = classifier.classify(picture)
            assertEquals(contract.labels[expected.indices.maxBy { expected[it] }], answer.predictions[0].label)
            assertEquals(expected.max(), answer.predictions[0].probability, 1e-4f)
            assertTrue(answer.milliseconds > 0)
        }
    }

    @Test
    fun damagedModelsAreReportedAndNeverCrash() {
        val whole = models.first().readBytes()
        val damaged = mapOf(
            "empty" to ByteArray(0),
            "text" to "not a model".toByteArray(),
            "a tenth" to whole.copyOf(whole.size / 10),
            "half" to whole.copyOf(whole.size / 2),
        ) + if (contract.outputs.all { it.labels.isEmpty() }) emptyMap() else {
            mapOf("without labels" to whole.copyOf(whole.size - 100))
        }
        for ((name, bytes) in damaged) {
            val error = assertThrows(name, ModelException::class.java) { Predictor(bytes, contract).close() }
            assertTrue(error.message, error.message!!.startsWith("model ${contract.model} "))
        }
    }

    @Test
    fun anotherContractIsRefused() {
        val bytes = models.first().readBytes()
        val others = listOf(
            contract.copy(height = contract.height + 1),
            contract.copy(input = "other"),
            contract.copy(outputs = contract.outputs.map { it.copy(name = "other") }),
            contract.copy(outputs = contract.outputs.map { it.copy(shape = listOf(1, 2, 3, 4)) }),
        )
        for (other in others) {
            assertThrows(ModelException::class.java) { Predictor(bytes, other).close() }
        }
    }

    @Test
    fun otherLabelsAreRefused() {
        assumeTrue("the model has no class probabilities", contract.labels.isNotEmpty())
        for (labels in listOf(contract.labels.reversed(), contract.labels.drop(1))) {
            val other = contract.copy(labels = labels)
            assertThrows(ModelException::class.java) { Classifier(models.first().readBytes(), other).close() }
        }
    }

    private fun tolerance(name: String): Float =
        when {
            "float32" in name -> 1e-5f
            "float16" in name -> 5e-3f
            else -> 0.1f
        }

    companion object {
        @BeforeClass
        @JvmStatic
        fun loadNativeLibrary() = NativeLibrary.load()
    }
}
