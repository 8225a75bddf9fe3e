package fanout

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.net.Uri
import java.io.IOException

/** Returns the bitmap's pixels; the bitmap may be recycled afterwards. */
fun Bitmap.toPicture(): Picture {
    // A hardware bitmap has no pixels to read.
    val readable = if (config == Bitmap.Config.ARGB_8888) this else copy(Bitmap.Config.ARGB_8888, false)
    val pixels = IntArray(readable.width * readable.height)
    readable.getPixels(pixels, 0, readable.width, 0, 0, readable.width, readable.height)
    return Picture(readable.width, readable.height, pixels)
}

/**
 * Returns a picture from another app, made smaller while it is decoded where it is large.
 *
 * @param atLeast width and height that it keeps where it has them.
 * @throws ModelException it is no picture, or cannot be read.
 */
fun ContentResolver.picture(uri: Uri, atLeast: Int): Picture {
    val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    decode(uri, bounds)
    if (bounds.outWidth < 1 || bounds.outHeight < 1) {
        throw ModelException("this is not a picture that can be read")
    }
    val options = BitmapFactory.Options().apply {
        inSampleSize = sampleSize(bounds.outWidth, bounds.outHeight, atLeast)
    }
    if (bounds.outWidth.toLong() * bounds.outHeight / options.inSampleSize / options.inSampleSize > MAX_PIXELS) {
        throw ModelException("${bounds.outWidth} × ${bounds.outHeight} pixels are too many")
    }
    val bitmap = decode(uri, options) ?: throw ModelException("this is not a picture that can be read")
    return bitmap.toPicture()
}

/** Returns the largest power of two by which both sides can shrink and stay at least [atLeast]. */
fun sampleSize(width: Int, height: Int, atLeast: Int): Int {
    var size = 1
    while (width / (size * 2) >= atLeast && height / (size * 2) >= atLeast) size *= 2
    return size
}

private fun ContentResolver.decode(uri: Uri, options: BitmapFactory.Options): Bitmap? =
    try {
        openInputStream(uri).use { BitmapFactory.decodeStream(it, null, options) }
    } catch (error: IOException) {
        throw ModelException("the picture cannot be read: ${error.message}", error)
    }
