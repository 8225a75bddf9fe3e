package fanout

import java.nio.file.Files

/** The native TensorFlow Lite for this JVM, out of the jar that holds it. */
object NativeLibrary {
    fun load() {
        val name = "native/lib/libtensorflowlite_jni.so"
        val resource = NativeLibrary::class.java.classLoader.getResourceAsStream(name)
            ?: error("$name is not on the class path")
        val library = Files.createTempFile("tensorflowlite", ".so").toFile()
        library.deleteOnExit()
        resource.use { input -> library.outputStream().use { input.copyTo(it) } }
        System.load(library.path)
    }
}
