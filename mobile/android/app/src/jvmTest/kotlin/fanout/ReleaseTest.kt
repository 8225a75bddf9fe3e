package fanout

import java.io.File
import kotlin.math.abs
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.BeforeClass
import org.junit.Test

/**
 * Tests the app's own Classifier against a release: every variant, every golden example.
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
            Classifier(file.readBytes(), contract, threads = 1).use { classifier ->
                var worst = 0f
                for (row in 0 until golden.length()) {
                    val example = golden.getJSONObject(row)
                    val outputs = classifier.predict(floats(example.getJSONObject("inputs").get(contract.input)))
                    val expected = floats(example.getJSONObject("outputs").get(contract.output))
                    worst = maxOf(worst, outputs.indices.maxOf { abs(outputs[it] - expected[it]) })
                }
                println("${file.name}: ${golden.length()} examples, largest difference $worst")
                assertTrue("${file.name} differs by $worst", worst <= tolerance)
            }
        }
    }

    @Test
    fun aPictureIsClassified() {
        val example = golden.getJSONObject(0)
        val values = floats(example.getJSONObject("inputs").get(contract.input))
        val pixels = IntArray(contract.height * contract.width) {
            val value = values[it * contract.channels].toInt()
            (0xff shl 24) or (value shl 16) or (value shl 8) or value
        }
        val expected = floats(example.getJSONObject("outputs").get(contract.output))
        val file = models.first { it.name.contains("float32") }
        Classifier(file.readBytes(), contract).use { classifier ->
            val answer = classifier.classify(Picture(contract.width, contract.height, pixels))
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
            "without labels" to whole.copyOf(whole.size - 100),
        )
        for ((name, bytes) in damaged) {
            val error = assertThrows(name, ModelException::class.java) { Classifier(bytes, contract).close() }
            assertTrue(error.message, error.message!!.startsWith("model ${contract.model} "))
        }
    }

    @Test
    fun anotherContractIsRefused() {
        val bytes = models.first().readBytes()
        val others = listOf(
            contract.copy(height = contract.height + 1),
            contract.copy(labels = contract.labels.reversed()),
            contract.copy(labels = contract.labels.drop(1)),
            contract.copy(input = "other"),
        )
        for (other in others) {
            assertThrows(ModelException::class.java) { Classifier(bytes, other).close() }
        }
    }

    private fun tolerance(name: String): Float =
        when {
            "float32" in name -> 1e-5f
            "float16" in name -> 5e-3f
            else -> 0.1f
        }

    private fun floats(value: Any): FloatArray {
        val numbers = mutableListOf<Float>()
        fun collect(part: Any) {
            if (part is JSONArray) (0 until part.length()).forEach { collect(part.get(it)) }
            else numbers += (part as Number).toFloat()
        }
        collect(value)
        return numbers.toFloatArray()
    }

    companion object {
        @BeforeClass
        @JvmStatic
        fun loadNativeLibrary() = NativeLibrary.load()
    }
}
