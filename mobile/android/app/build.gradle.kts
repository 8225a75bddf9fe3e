plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

// gradle installDebug -Prelease=/path/to/release -Pvariant=int8
val release = providers.gradleProperty("release")
    .orElse("../../build/fashion/releases/current")
    .map { rootDir.resolve(it) }
val variant = providers.gradleProperty("variant").orElse("int8")
val released = layout.buildDirectory.dir("released-assets")

// The app has no model of its own: this copies the released model and its contract into it.
val copyRelease = tasks.register<Sync>("copyRelease") {
    // The examples are what an embedding is compared with.
    from(release) { include("contract.json", "golden.json") }
    from(release.map { it.resolve("mobile") }) {
        include("*.${variant.get()}.tflite")
        rename { "model.tflite" }
    }
    into(released)
    doLast {
        val files = released.get().asFile.list().orEmpty().toSet()
        check(files == setOf("contract.json", "golden.json", "model.tflite")) {
            "${release.get()} has no contract.json, golden.json or ${variant.get()} model; run make deploy first"
        }
    }
}

android {
    namespace = "fanout"
    compileSdk = libs.versions.compile.sdk.get().toInt()
    defaultConfig {
        applicationId = "fanout.classifier"
        minSdk = libs.versions.min.sdk.get().toInt()
        targetSdk = libs.versions.compile.sdk.get().toInt()
        versionCode = 1
        versionName = "1.0"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets["main"].assets.srcDir(released)
}

tasks.named("preBuild") { dependsOn(copyRelease) }

dependencies {
    implementation(libs.tensorflow.lite)
    implementation(libs.tensorflow.lite.metadata)
    testImplementation(libs.junit)
}
