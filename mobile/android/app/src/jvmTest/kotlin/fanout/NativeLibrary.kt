package fanout

import java.nio.file.Files

/** The native TensorFlow Lite library for this JVM, loaded from its jar. */
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
