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
import android.widget.LinearLayout
import android.widget.TextView
import java.io.IOException
import java.util.concurrent.Executors

/** The screen: two buttons, the classes, the time. It has no logic; it only shows [ScreenState]. */
class MainActivity : Activity() {
    // Only this thread uses the interpreter.
    private val worker = Executors.newSingleThreadExecutor()
    private var classifier: Classifier? = null
    private var contract: Contract? = null
    private val pictures = PictureReader(BitmapDecoder)
    private var state = ScreenState()

    private lateinit var classes: TextView
    private lateinit var message: TextView
    private lateinit var pick: Button
    private lateinit var take: Button

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        classes = TextView(this).apply { textSize = 22f }
        message = TextView(this).apply { textSize = 16f }
        pick = button("Pick a picture", PICK) {
            Intent(Intent.ACTION_GET_CONTENT).setType("image/*")
        }
        take = button("Take a picture", TAKE) { Intent(MediaStore.ACTION_IMAGE_CAPTURE) }
        val column = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            gravity = Gravity.CENTER_HORIZONTAL
            setPadding(48, 48, 48, 48)
            for (view in listOf(pick, take, classes, message)) {
                addView(view, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
            }
        }
        setContentView(column)
        show(state)
        worker.execute { attempt { open() } }
    }

    override fun onDestroy() {
        worker.execute { classifier?.close() }
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
                val answer = opened().classify(picture)
                state.answered(answer)
            }
        }
    }

    private fun picture(requestCode: Int, data: Intent): Picture {
        val side = contract?.let { maxOf(it.height, it.width) } ?: 1
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
        classifier = Classifier(read("model.tflite"), parsed)
        contract = parsed
        return state.opened(parsed)
    }

    private fun opened(): Classifier = classifier ?: throw ModelException(state.message)

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
        classes.text = next.lines.joinToString("\n")
        message.text = next.message
        pick.isEnabled = !next.busy
        take.isEnabled = !next.busy
    }

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
    }
}
