package fanout

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.graphics.Bitmap
import android.os.Bundle
import android.provider.MediaStore
import android.view.Gravity
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.ScrollView
import android.widget.TextView
import java.io.IOException
import java.util.concurrent.Executors

/**
 * The screen: two buttons, the picture where something is drawn on it, the answers and the time. It has
 * no logic; it only shows [ScreenState].
 */
class MainActivity : Activity() {
    // Only this thread uses the interpreter.
    private val worker = Executors.newSingleThreadExecutor()
    private var predictor: Predictor? = null
    private var nearest: Nearest? = null
    private var contract: Contract? = null
    private val pictures = PictureReader(BitmapDecoder)
    private var state = ScreenState()

    private lateinit var drawing: ImageView
    private lateinit var answers: LinearLayout
    private lateinit var message: TextView
    private lateinit var pick: Button
    private lateinit var take: Button

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        drawing = ImageView(this).apply { adjustViewBounds = true }
        answers = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        message = TextView(this).apply { textSize = 16f }
        pick = button("Pick a picture", PICK) {
            Intent(Intent.ACTION_GET_CONTENT).setType("image/*")
        }
        take = button("Take a picture", TAKE) { Intent(MediaStore.ACTION_IMAGE_CAPTURE) }
        val column = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            gravity = Gravity.CENTER_HORIZONTAL
            setPadding(48, 48, 48, 48)
            for (view in listOf(pick, take, drawing, answers, message)) {
                addView(view, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
            }
        }
        setContentView(ScrollView(this).apply { addView(column) })
        show(state)
        worker.execute { attempt { open() } }
    }

    override fun onDestroy() {
        worker.execute { predictor?.close() }
        worker.shutdown()
        super.onDestroy()
    }

    @Deprecated("AndroidX has a successor; the platform has only this.")
    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        if (resultCode != RESULT_OK || data == null) return
        show(state.working())
        worker.execute {
            attempt {
                val picture = picture(requestCode, data)
                val found = opened().answer(picture)
                state.answered(found, picture) { vector ->
                    nearest?.to(vector)?.let { words(it, contract?.madeUp == true) }
                }
            }
        }
    }

    private fun picture(requestCode: Int, data: Intent): Picture {
        val side = contract?.let { maxOf(it.height, it.width, SHOWN_SIDE) } ?: 1
        val uri = data.data
        if (requestCode == PICK && uri != null) {
            return pictures.read(side) { contentResolver.openInputStream(uri) }
        }
        // The intent holds the camera's small picture: it needs no permission and no file.
        @Suppress("DEPRECATION")
        val bitmap = data.getParcelableExtra<Bitmap>("data")
        return bitmap?.toPicture() ?: throw ModelException("the camera returned no picture")
    }

    private fun open(): ScreenState {
        val read = { name: String -> assets.open(name).use { it.readBytes() } }
        val parsed = Contract.parse(read("contract.json").decodeToString())
        predictor = Predictor(read("model.tflite"), parsed)
        if (parsed.outputs.any { it.role == "embedding" }) {
            nearest = Nearest(read("golden.json").decodeToString(), parsed)
        }
        contract = parsed
        return state.opened(parsed)
    }

    private fun opened(): Predictor = predictor ?: throw ModelException(state.message)

    /** Runs on the worker and shows any error on the screen. */
    private fun attempt(action: () -> ScreenState) {
        val next =
            try {
                action()
            } catch (error: ModelException) {
                state.failed(error)
            } catch (error: IOException) {
                state.failed(error)
            } catch (error: OutOfMemoryError) {
                state.failed(ModelException("the picture is too large for this device", error))
            }
        runOnUiThread { show(next) }
    }

    private fun show(next: ScreenState) {
        state = next
        title = next.title
        drawing.setImageBitmap(next.picture?.withFindings(next.drawn))
        answers.removeAllViews()
        next.rows.flatMap(::views).forEach(answers::addView)
        message.text = next.message
        pick.isEnabled = !next.busy
        take.isEnabled = !next.busy
    }

    private fun views(row: Row) =
        listOfNotNull(
            TextView(this).apply { text = row.text; textSize = 22f },
            row.share?.let { share ->
                ProgressBar(this, null, android.R.attr.progressBarStyleHorizontal).apply {
                    max = 1000
                    progress = (share * 1000).toInt()
                }
            },
        )

    private fun button(label: String, request: Int, intent: () -> Intent) =
        Button(this).apply {
            text = label
            setOnClickListener {
                try {
                    @Suppress("DEPRECATION")
                    startActivityForResult(intent(), request)
                } catch (error: ActivityNotFoundException) {
                    show(state.failed(ModelException("no app on this device can do that", error)))
                }
            }
        }

    private companion object {
        const val PICK = 1
        const val TAKE = 2

        /** The side below which a picture is not made smaller: it may be shown with boxes on it. */
        const val SHOWN_SIDE = 512
    }
}
