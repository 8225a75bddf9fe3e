package fanout

import java.io.File
import java.io.IOException
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.BeforeClass
import org.junit.Test

/**
 * The app's path from a picture file to an answer, with files as people have them.
 *
 * The system property `pictures` names a folder of files. Its `expected.json` has the top label of
 * each file, or null where the file is not a readable picture.
 */
class PictureFilesTest {
    private val release = File(System.getProperty("release"))
    private val contract = Contract.parse(release.resolve("contract.json").readText())
    private val reader = PictureReader(ImageIoDecoder)

    @Test
    fun everyFileIsAnsweredOrReportedInOneLine() {
        val folder = System.getProperty("pictures")?.let(::File)
        assumeTrue("no folder of pictures is named", folder != null)
        val expected = JSONObject(folder!!.resolve("expected.json").readText())
        val model = release.resolve("mobile").listFiles { file -> "float32" in file.name }!!.first()
        Classifier(model.readBytes(), contract).use { classifier ->
            for (name in expected.keySet()) {
                val file = folder.resolve(name)
                val read = { reader.read(contract.height) { file.inputStream() } }
                if (expected.isNull(name)) {
                    val error = assertThrows(name, ModelException::class.java) { read() }
                    assertTrue("$name: ${error.message}", error.message!!.lines().size == 1)
                    println("$name: ${error.message}")
                } else {
                    assertEquals(name, expected.getString(name), classifier.classify(read()).predictions[0].label)
                }
            }
        }
    }

    @Test
    fun filesThatCannotBeOpenedAreReported() {
        val missing = assertThrows(ModelException::class.java) { reader.read(1) { null } }
        assertEquals("the picture cannot be opened", missing.message)
        val broken = assertThrows(ModelException::class.java) { reader.read(1) { throw IOException("gone") } }
        assertEquals("the picture cannot be read: gone", broken.message)
        val kept = assertThrows(ModelException::class.java) { reader.read(1) { throw SecurityException("no") } }
        assertEquals("the picture may not be read: no", kept.message)
        val large = assertThrows(ModelException::class.java) { reader.read(1) { File("/dev/zero").inputStream() } }
        assertEquals("the picture is larger than 50 MiB", large.message)
    }

    companion object {
        @BeforeClass
        @JvmStatic
        fun loadNativeLibrary() = NativeLibrary.load()
    }
}
