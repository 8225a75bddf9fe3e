package fanout

import java.awt.image.BufferedImage
import java.io.ByteArrayInputStream
import java.io.IOException
import javax.imageio.ImageIO
import javax.imageio.ImageReader

/** Decodes with a desktop JVM's decoders, and returns null where Android's decoder would. */
object ImageIoDecoder : Decoder {
    override fun size(file: ByteArray): Pair<Int, Int>? = read(file) { it.getWidth(0) to it.getHeight(0) }

    override fun decode(file: ByteArray, sampleSize: Int): Picture? =
        read(file) { reader ->
            val options = reader.defaultReadParam
            options.setSourceSubsampling(sampleSize, sampleSize, 0, 0)
            val image = reader.read(0, options)
            Picture(image.width, image.height, IntArray(image.width * image.height) { pixel(image, it) })
        }

    /** Grey values are read as they are stored: getRGB would change their gamma. */
    private fun pixel(image: BufferedImage, place: Int): Int {
        val (column, row) = place % image.width to place / image.width
        if (image.raster.numBands > 1 || image.colorModel.pixelSize < 8) return image.getRGB(column, row)
        val value = image.raster.getSample(column, row, 0) shr (image.colorModel.pixelSize - 8)
        return (0xff shl 24) or (value shl 16) or (value shl 8) or value
    }

    private fun <T> read(file: ByteArray, action: (ImageReader) -> T): T? {
        val stream = ImageIO.createImageInputStream(ByteArrayInputStream(file))
        val reader = ImageIO.getImageReaders(stream).asSequence().firstOrNull() ?: return null
        return try {
            reader.input = stream
            action(reader)
        } catch (error: IOException) {
            null
        } catch (error: RuntimeException) {
            // On damaged files, some readers index beyond the end of an array.
            null
        } finally {
            reader.dispose()
        }
    }
}
