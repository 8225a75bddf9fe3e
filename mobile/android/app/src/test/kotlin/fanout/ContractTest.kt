package fanout

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class ContractTest {
    private val text = """{"model": "m", "title": "M", "labels": ["a", "b"],
        "signatures": {"tensors": "serving_default"},
        "inputs": [{"name": "image", "kind": "image", "shape": [2, 3, 1]}],
        "outputs": [{"name": "probabilities"}]}"""

    @Test
    fun everyPartIsRead() {
        val expected = Contract(
            "m", "M", "serving_default", "image", 2, 3, 1, "probabilities", listOf("a", "b"),
        )
        assertEquals(expected, Contract.parse(text))
    }

    @Test
    fun aDamagedContractIsReported() {
        for (damaged in listOf("", "{", text.replace("labels", "names"))) {
            val error = assertThrows(ModelException::class.java) { Contract.parse(damaged) }
            assertTrue(error.message!!, error.message!!.startsWith("contract.json is damaged"))
        }
    }

    @Test
    fun aModelWithoutPicturesIsRefused() {
        val other = text.replace("\"kind\": \"image\"", "\"kind\": \"tensor\"")
        val error = assertThrows(ModelException::class.java) { Contract.parse(other) }
        assertEquals("model m does not take one picture", error.message)
    }
}
