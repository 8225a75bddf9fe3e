package fanout

import kotlin.math.max
import kotlin.math.min

/**
 * A decoded picture that uses none of Android's classes.
 *
 * @property pixels one number per pixel, row by row: alpha, red, green, blue in 8 bits each.
 */
class Picture(val width: Int, val height: Int, val pixels: IntArray) {
    init {
        if (width < 1 || height < 1 || pixels.size.toLong() != width.toLong() * height) {
            throw ModelException("a picture of $width × $height has ${pixels.size} pixels")
        }
    }

    /**
     * Returns the picture in the model's form: height × width × channels values from 0 to 255.
     *
     * Each value is the mean over the area that it covers, so a picture of the model's own size
     * keeps its exact values.
     */
    fun values(height: Int, width: Int, channels: Int): FloatArray {
        val values = FloatArray(height * width * channels)
        for (row in 0 until height) {
            for (column in 0 until width) {
                val mean = mean(
                    top = row.toDouble() * this.height / height,
                    bottom = (row + 1.0) * this.height / height,
                    left = column.toDouble() * this.width / width,
                    right = (column + 1.0) * this.width / width,
                    channels = channels,
                )
                mean.copyInto(values, (row * width + column) * channels)
            }
        }
        return values
    }

    private fun mean(
        top: Double,
        bottom: Double,
        left: Double,
        right: Double,
        channels: Int,
    ): FloatArray {
        val sums = DoubleArray(channels)
        for (row in top.toInt() until min(height, ceil(bottom))) {
            val tall = min(bottom, row + 1.0) - max(top, row.toDouble())
            for (column in left.toInt() until min(width, ceil(right))) {
                val weight = tall * (min(right, column + 1.0) - max(left, column.toDouble()))
                val pixel = pixels[row * width + column]
                for (channel in 0 until channels) {
                    sums[channel] += weight * value(pixel, channel, channels)
                }
            }
        }
        val area = (bottom - top) * (right - left)
        return FloatArray(channels) { (sums[it] / area).toFloat() }
    }

    private fun ceil(value: Double): Int = kotlin.math.ceil(value - 1e-9).toInt()

    private fun value(pixel: Int, channel: Int, channels: Int): Int {
        val red = pixel shr 16 and 0xff
        val green = pixel shr 8 and 0xff
        val blue = pixel and 0xff
        if (channels == 3) {
            return when (channel) {
                0 -> red
                1 -> green
                else -> blue
            }
        }
        // Luma of ITU-R BT.601 in 16-bit fixed point: grey pixels keep their exact value.
        return (19595 * red + 38470 * green + 7471 * blue + 0x8000) shr 16
    }
}
