plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "dev.levitedge.demo"
    compileSdk = 35

    defaultConfig {
        applicationId = "dev.levitedge.demo"
        minSdk = 26
        targetSdk = 35
        versionCode = 1
        versionName = "0.1.0"
        buildConfigField("String", "EXECUTORCH_VERSION", "\"${libs.versions.executorch.get()}\"")
        ndk {
            // What ExecuTorch's library has.
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }

    buildFeatures {
        buildConfig = true
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    androidResources {
        noCompress += "pte"
    }
}

dependencies {
    implementation(libs.executorch)
    testImplementation(libs.junit)
    testImplementation(libs.json)
}

val requirePackage by tasks.registering {
    description = "Stops the build where there is no model."
    val document = layout.projectDirectory.file("src/main/assets/package/model.json").asFile
    doLast {
        if (!document.isFile) {
            throw GradleException(
                "There is no package in ${document.parent}: run: levit-edge package BUNDLE --for android --into android_demo"
            )
        }
    }
}

tasks.named("preBuild") {
    dependsOn(requirePackage)
}
