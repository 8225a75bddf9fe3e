package fanout

import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream

/** The size of the largest picture file that is read. */
const val MAX_FILE_BYTES = 50 shl 20

/** The maximum number of pixels of a picture before it is made smaller. */
const val MAX_SOURCE_PIXELS = 250_000_000L

/** The maximum number of pixels of a decoded picture. */
const val MAX_PIXELS = 50_000_000L

/** Decodes picture files into pixels: the part that each platform provides. */
interface Decoder {
    /** Returns width and height without decoding any pixel; null when the file is not a picture. */
    fun size(file: ByteArray): Pair<Int, Int>?

    /** Returns every [sampleSize]th pixel of the first frame; null when the file is damaged. */
    fun decode(file: ByteArray, sampleSize: Int): Picture?
}

/** Reads pictures from untrusted sources: memory use is bounded, whatever the files contain. */
class PictureReader(private val decoder: Decoder) {
    /**
     * Returns the picture. A large picture is made smaller while it is decoded.
     *
     * @param open opens the file, or returns null where there is none.
     * @param atLeast the width and height below which the picture is not made smaller.
     * @throws ModelException it is not a picture, is too large or cannot be read; one line.
     */
    fun read(atLeast: Int, open: () -> InputStream?): Picture {
        val file = content(open)
        val (width, height) = decoder.size(file) ?: unreadable()
        if (width.toLong() * height > MAX_SOURCE_PIXELS) {
            throw ModelException("$width × $height pixels are too many; at most $MAX_SOURCE_PIXELS are allowed")
        }
        val sampleSize = sampleSize(width, height, atLeast)
        if (width.toLong() * height / sampleSize / sampleSize > MAX_PIXELS) {
            throw ModelException("$width × $height pixels are too many; at most $MAX_PIXELS can be decoded")
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

/** Returns the largest power of two by which both sides can be divided and stay at least [atLeast]. */
fun sampleSize(width: Int, height: Int, atLeast: Int): Int {
    var size = 1
    while (width / (size * 2) >= atLeast && height / (size * 2) >= atLeast) size *= 2
    return size
}
