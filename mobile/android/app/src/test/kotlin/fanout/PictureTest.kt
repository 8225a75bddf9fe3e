package fanout

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

private fun grey(value: Int): Int = (0xff shl 24) or (value shl 16) or (value shl 8) or value

class PictureTest {
    @Test
    fun aPictureOfTheModelsSizeKeepsItsExactValues() {
        val picture = Picture(16, 16, IntArray(256) { grey(it) })
        assertArrayEquals(FloatArray(256) { it.toFloat() }, picture.values(16, 16, 1), 0f)
    }

    @Test
    fun aLargerPictureIsAveragedOverAreas() {
        val picture = Picture(4, 2, intArrayOf(0, 10, 20, 30, 40, 50, 60, 70).map(::grey).toIntArray())
        assertArrayEquals(floatArrayOf(25f, 45f), picture.values(1, 2, 1), 1e-4f)
    }

    @Test
    fun sidesThatDoNotDivideCountInParts() {
        val picture = Picture(3, 1, intArrayOf(0, 90, 180).map(::grey).toIntArray())
        assertArrayEquals(floatArrayOf(30f, 150f), picture.values(1, 2, 1), 1e-3f)
    }

    @Test
    fun coloursStayInOrder() {
        val picture = Picture(1, 1, intArrayOf(0x11223344))
        assertArrayEquals(floatArrayOf(0x22.toFloat(), 0x33.toFloat(), 0x44.toFloat()), picture.values(1, 1, 3), 0f)
    }

    @Test
    fun aPictureWithoutItsPixelsIsRefused() {
        val error = assertThrows(ModelException::class.java) { Picture(2, 2, IntArray(3)) }
        assertTrue(error.message!!.contains("2 × 2 has 3 pixels"))
    }

    @Test
    fun largePicturesShrinkWhileTheyAreDecoded() {
        assertEquals(512, sampleSize(20_000, 20_000, 28))
        assertEquals(1, sampleSize(28, 4000, 28))
    }
}
