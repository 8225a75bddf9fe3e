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
    fun everyOutputIsReadWithItsRole() {
        val outputs = """"outputs": [
            {"name": "age", "role": "regression", "labels": [], "unit": "years", "shape": [1]},
            {"name": "kind", "role": "classification", "labels": ["a", "b"], "shape": [2]},
            {"name": "a/b", "role": "binary", "labels": ["no", "yes"], "threshold": 0.7, "shape": [1]}]}"""
        val ranged = text.replace("\"shape\": [2, 3, 1]", "\"shape\": [2, 3, 1], \"dtype\": \"uint8\", \"maximum\": 1")
        val contract = Contract.parse(ranged.substringBefore("\"outputs\"") + outputs)
        assertEquals("kind" to listOf("a", "b"), contract.output to contract.labels)
        assertEquals(Output("age", "regression", listOf(1), unit = "years"), contract.outputs[0])
        assertEquals(listOf("labels.txt", "labels.txt", "labels.a_b.txt"), contract.outputs.map { it.labelFile })
        assertEquals(0.7f, contract.outputs[2].threshold, 0f)
        assertEquals(Triple("uint8", 0f, 1f), Triple(contract.inputType, contract.minimum, contract.maximum))
        val made = Contract.parse(text.replaceFirst("{", "{\"made_up\": true,"))
        assertTrue(made.madeUp && !contract.madeUp)
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
