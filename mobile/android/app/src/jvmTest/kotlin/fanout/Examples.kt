package fanout

import org.json.JSONArray

/** Returns a JSON array's numbers, however deep they are in arrays, or a single number. */
fun floats(value: Any): FloatArray {
    val numbers = mutableListOf<Float>()
    fun collect(part: Any) {
        if (part is JSONArray) (0 until part.length()).forEach { collect(part.get(it)) }
        else numbers += (part as Number).toFloat()
    }
    collect(value)
    return numbers.toFloatArray()
}

/** Returns the picture whose pixels are an example's values, rounded to bytes. */
fun picture(values: FloatArray, contract: Contract): Picture {
    val bytes = values.map { Math.round((it - contract.minimum) / (contract.maximum - contract.minimum) * 255) }
    val channels = contract.channels
    return Picture(
        contract.width, contract.height,
        IntArray(contract.width * contract.height) {
            val (red, green, blue) = List(3) { channel -> bytes[it * channels + channel % channels] }
            (0xff shl 24) or (red shl 16) or (green shl 8) or blue
        },
    )
}
