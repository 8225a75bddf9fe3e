package fanout

import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream

/** The largest picture file that is read. */
const val MAX_FILE_BYTES = 50 shl 20

/** The most pixels that a picture may have before it is made smaller. */
const val MAX_SOURCE_PIXELS = 250_000_000L

/** The most pixels that a picture may have once it is decoded. */
const val MAX_PIXELS = 50_000_000L

/** Makes pixels of picture files: the platform's part. */
interface Decoder {
    /** Returns width and height, without decoding a pixel; null when the file is no picture. */
    fun size(file: ByteArray): Pair<Int, Int>?

    /** Returns every [sampleSize]th pixel of its first frame; null when the file is damaged. */
    fun decode(file: ByteArray, sampleSize: Int): Picture?
}

/** Reads pictures that come from elsewhere: whatever they are, it takes bounded memory. */
class PictureReader(private val decoder: Decoder) {
    /**
     * Returns the picture, made smaller while it is decoded where it is large.
     *
     * @param open opens the file, or returns null where there is none.
     * @param atLeast width and height that the picture keeps where it has them.
     * @throws ModelException it is no picture, too large, or cannot be read; in one line.
     */
    fun read(atLeast: Int, open: () -> InputStream?): Picture {
        val file = content(open)
        val (width, height) = decoder.size(file) ?: unreadable()
        if (width.toLong() * height > MAX_SOURCE_PIXELS) {
            throw ModelException("$width × $height pixels are more than $MAX_SOURCE_PIXELS")
        }
        val sampleSize = sampleSize(width, height, atLeast)
        if (width.toLong() * height / sampleSize / sampleSize > MAX_PIXELS) {
            throw ModelException("$width × $height pixels are too many")
        }
        return decoder.decode(file, sampleSize) ?: unreadable()
    }

    private fun content(open: () -> InputStream?): ByteArray {
        val content = ByteArrayOutputStream()
        try {
            val stream = open() ?: throw ModelException("the picture cannot be opened")
            stream.use {
                val part = ByteArray(1 shl 16)
                while (true) {
                    val count = it.read(part)
                    if (count < 0) break
                    content.write(part, 0, count)
                    if (content.size() > MAX_FILE_BYTES) {
                        throw ModelException("the picture is larger than ${MAX_FILE_BYTES shr 20} MiB")
                    }
                }
            }
        } catch (error: IOException) {
            throw ModelException("the picture cannot be read: ${error.message}", error)
        } catch (error: SecurityException) {
            throw ModelException("the picture may not be read: ${error.message}", error)
        }
        if (content.size() == 0) throw ModelException("the picture's file is empty")
        return content.toByteArray()
    }

    private fun unreadable(): Nothing = throw ModelException("this is not a picture that can be read")
}

/** Returns the largest power of two by which both sides can shrink and stay at least [atLeast]. */
fun sampleSize(width: Int, height: Int, atLeast: Int): Int {
    var size = 1
    while (width / (size * 2) >= atLeast && height / (size * 2) >= atLeast) size *= 2
    return size
}
