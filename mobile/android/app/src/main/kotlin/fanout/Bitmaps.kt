package fanout

import android.graphics.Bitmap
import android.graphics.BitmapFactory

/** Decodes pictures with Android's own decoder. */
object BitmapDecoder : Decoder {
    override fun size(file: ByteArray): Pair<Int, Int>? {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeByteArray(file, 0, file.size, bounds)
        // It reports a file that it cannot read by sizes of -1.
        return if (bounds.outWidth < 1 || bounds.outHeight < 1) null else bounds.outWidth to bounds.outHeight
    }

    override fun decode(file: ByteArray, sampleSize: Int): Picture? {
        val options = BitmapFactory.Options().apply { inSampleSize = sampleSize }
        return BitmapFactory.decodeByteArray(file, 0, file.size, options)?.toPicture()
    }
}

/** Returns the bitmap's pixels; the bitmap may be recycled afterwards. */
fun Bitmap.toPicture(): Picture {
    // A hardware bitmap's pixels cannot be read.
    val readable = if (config == Bitmap.Config.ARGB_8888) this else copy(Bitmap.Config.ARGB_8888, false)
    val pixels = IntArray(readable.width * readable.height)
    readable.getPixels(pixels, 0, readable.width, 0, 0, readable.width, readable.height)
    return Picture(readable.width, readable.height, pixels)
}
