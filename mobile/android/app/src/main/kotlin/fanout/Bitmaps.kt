package fanout

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF

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

/** Returns the picture with masks and boxes on it. */
fun Picture.withFindings(findings: List<Finding>): Bitmap {
    val bitmap = toBitmap(width, height, pixels).copy(Bitmap.Config.ARGB_8888, true)
    val canvas = Canvas(bitmap)
    val all = RectF(0f, 0f, width.toFloat(), height.toFloat())
    for (finding in findings) {
        when (finding) {
            // Without a filter, no colour lies between those of two classes.
            is Mask ->
                canvas.drawBitmap(toBitmap(finding.width, finding.height, finding.colours()), null, all, Paint())
            // The best are on top.
            is Boxes -> finding.boxes.asReversed().forEach { canvas.draw(it, width, height) }
            else -> Unit
        }
    }
    return bitmap
}

private fun toBitmap(width: Int, height: Int, pixels: IntArray) =
    Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)

private fun Canvas.draw(box: Box, width: Int, height: Int) {
    val line = maxOf(1f, minOf(width, height) / 150f)
    val pen = Paint(Paint.ANTI_ALIAS_FLAG).apply { color = colour(box.place + 1); strokeWidth = line }
    val (left, top) = box.left * width to box.top * height
    pen.style = Paint.Style.STROKE
    drawRect(left, top, box.right * width, box.bottom * height, pen)
    pen.textSize = maxOf(8f, minOf(width, height) / 24f)
    pen.style = Paint.Style.FILL
    drawRect(left, top, left + pen.measureText(box.label), top + pen.textSize * 1.2f, pen)
    pen.color = Color.BLACK
    drawText(box.label, left, top + pen.textSize, pen)
}
