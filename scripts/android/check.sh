#!/usr/bin/env bash
# check.sh APP VECTORS OUTPUT [CACHE]: checks the Android demo without Google's Maven, SDK and NDK. Debian, as root.
#
#   APP        android_demo, or a copy of it, with a package in (levit-edge package … --into APP)
#   VECTORS    what golden_vectors.py wrote; the tests write VECTORS/written for levit-edge to read
#   OUTPUT     gets demo.apk, and in work/ what it was made of
#   CACHE      what is downloaded, 0.1 GB, at first; ~/.cache/levit-edge/android without it
#
# The sources are compiled against the real Android API (23: older than the app's minSdk) and the real Java classes of
# ExecuTorch; resources are linked; JUnit runs on this machine's Java; an APK is assembled, signed and verified, with the
# arm64 library of ExecuTorch. It lacks libraries that Gradle would add, and no phone is to get it. Nothing is run on Android.
# DEBIAN_MIRROR names another mirror than the one this machine has.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../debian.sh"

main() {
    case $# in 3 | 4) ;; *) die 2 "usage: check.sh APP VECTORS OUTPUT [CACHE]" ;; esac
    need_root "to install packages"
    need_debian
    [ -f "$1/app/src/main/AndroidManifest.xml" ] || die 2 "$1 is not an Android project: it has no app/src/main/AndroidManifest.xml"
    [ -f "$1/app/src/main/assets/package/model.json" ] ||
        die 2 "$1 has no package: levit-edge package BUNDLE --for android --into $1"
    [ -f "$2/vectors.json" ] || die 2 "$2 has no golden vectors: python ${here%/android}/golden_vectors.py $2"
    app=$(cd "$1/app" && pwd)
    vectors=$(cd "$2" && pwd)
    mkdir -p "$3"
    output=$(cd "$3" && pwd)
    lock_folder "${4:-${XDG_CACHE_HOME:-$HOME/.cache}/levit-edge/android}"
    make_everything
    work=$output/work
    rm -rf "$work" "$output/demo.apk"
    mkdir -p "$work/generated" "$work/classes" "$work/test-classes" "$work/apk/lib/arm64-v8a"
    read_settings
    generate_build_config
    link_resources
    compile
    run_junit
    make_dex
    assemble
    verify
}

make_everything() {
    install_programs default-jdk-headless aapt zipalign apksigner dexdump proguard-cli zip unzip \
        junit4 libhamcrest-java libandroid-json-java
    command -v npm > /dev/null || install_programs npm
    make_part android-23 make_android
    make_part executorch make_executorch
    make_part dx make_dx
    make_part keystore make_keystore
    exec 7> "$dir/.in-use"
    flock --shared 7
    exec 9>&-
    android=$dir/android-23/usr/share/java/com.android.android-23.jar
    executorch=$dir/executorch/package
    json=/usr/share/java/com.android.json.jar
    junit=/usr/share/java/junit4.jar:/usr/share/java/hamcrest.jar
}

# A package of another Debian than this machine's, unpacked. The mirror keeps it as long as one release has it.
unpack_deb() { # FOLDER PATH_IN_POOL SHA256
    local mirror
    mirror=$(debian_mirror)
    /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file "$mirror/pool/main/$2" "$1.deb" "SHA256:$3" || return
    dpkg-deb --extract "$1.deb" "$1"
    rm "$1.deb"
}

# Some files of an npm package, without its dependencies and without running anything of it.
unpack_npm() { # FOLDER NAME VERSION SHA256 PATH...
    local folder=$1 file=$2-$3.tgz
    mkdir "$folder"
    (cd "$folder" && npm pack --silent "$2@$3" > /dev/null) || die 3 "cannot fetch $2 $3 from npm; is the network there?"
    echo "$4  $folder/$file" | sha256sum --check --quiet || die 3 "npm's $2 $3 is another file than it was"
    shift 4
    tar --extract --gzip --file "$folder/$file" --directory "$folder" "$@"
    rm "$folder/$file"
}

make_android() { # in Debian 11 and in sid
    unpack_deb "$1" a/android-framework-23/libandroid-23-java_6.0.1+r72-6_all.deb \
        8af1b6df556971dda0a6da3536ea526a838e0c363afcdd454213d8bce94793e3 ||
        die 3 "cannot fetch Android's API from the Debian mirror (see above); is the network there?"
}

make_executorch() { # probably ExecuTorch 1.2; newer versions of this package have no library in them
    unpack_npm "$1" react-native-executorch 0.9.3 70a20a865b82f47ac46c82711d93c2038cf99eccbb9b287494219063f2217622 \
        package/android/libs/classes.jar package/third-party/android/libs/executorch/arm64-v8a/libexecutorch.so
}

make_dx() { # Debian's is in Debian 11 alone; npm's is older, and enough for the classes of the app
    if unpack_deb "$1" a/android-platform-dalvik/dalvik-exchange_10.0.0+r36-1_all.deb \
        8fc128db7c27253d963eb9b33de79b197162a4749d2ba69019b2fd0664cbd7fe; then
        ln -s usr/share/java/com.android.dx-10.0.0.jar "$1/dx.jar"
    else
        unpack_npm "$1" tns-android 7.0.1 5063877c1f2b160b67bcc5765fc24b9f65d047e93ae90ad923118e3415183a63 \
            package/framework/build-tools/android-metadata-generator.jar
        ln -s package/framework/build-tools/android-metadata-generator.jar "$1/dx.jar"
    fi
}

make_keystore() {
    keytool -genkeypair -keystore "$1" -storepass android -keypass android -alias androiddebugkey \
        -dname 'CN=Android Debug,O=Android,C=US' -keyalg RSA -keysize 2048 -validity 10000 2> "$dir/keytool.log" ||
        die 3 "cannot make a key: $(cat "$dir/keytool.log")"
}

read_settings() {
    namespace=$(setting namespace "$app/build.gradle.kts")
    min_sdk=$(setting minSdk "$app/build.gradle.kts")
    target_sdk=$(setting targetSdk "$app/build.gradle.kts")
    version_code=$(setting versionCode "$app/build.gradle.kts")
    version_name=$(setting versionName "$app/build.gradle.kts")
    executorch_version=$(setting executorch "$app/../gradle/libs.versions.toml")
}

setting() { # NAME FILE
    local value
    value=$(sed -n "s/^ *$1 = \"\{0,1\}\([A-Za-z0-9.]*\)\"\{0,1\}$/\1/p" "$2")
    [ -n "$value" ] && [ "$(wc -l <<< "$value")" = 1 ] || die 3 "$2 has no line '$1 = …', or several"
    echo "$value"
}

# What Gradle makes of buildConfigField.
generate_build_config() {
    cat > "$work/generated/BuildConfig.java" << END
package $namespace;

public final class BuildConfig {
    public static final String EXECUTORCH_VERSION = "$executorch_version";
}
END
}

link_resources() {
    echo "linking resources"
    sed "s/<manifest /<manifest package=\"$namespace\" /" "$app/src/main/AndroidManifest.xml" > "$work/AndroidManifest.xml"
    aapt2 compile --dir "$app/src/main/res" -o "$work/resources.zip" || die 3 "the resources are wrong (see above)"
    aapt2 link -I "$android" --manifest "$work/AndroidManifest.xml" --java "$work/generated" -A "$app/src/main/assets" \
        -0 .pte --min-sdk-version "$min_sdk" --target-sdk-version "$target_sdk" --version-code "$version_code" \
        --version-name "$version_name" -o "$work/resources.apk" "$work/resources.zip" 2> "$work/aapt2.log" ||
        { cat "$work/aapt2.log" >&2; die 3 "the resources cannot be linked (see above)"; }
}

compile() {
    echo "compiling against Android API 23 and ExecuTorch"
    find "$app/src/main/java" "$work/generated" -name '*.java' > "$work/sources"
    javac -Xlint:all,-options,-classfile,-deprecation -Werror --release 8 -classpath "$android:$executorch/android/libs/classes.jar" \
        -d "$work/classes" @"$work/sources" || die 3 "the app does not compile (see above)"
}

# org.json of android.jar is stubs; Debian has Android's own.
run_junit() {
    local tests
    echo "running JUnit"
    find "$app/src/test/java" -name '*.java' > "$work/test-sources"
    javac --release 8 -Xlint:-options -classpath "$json:$junit:$work/classes:$android" -d "$work/test-classes" \
        @"$work/test-sources" || die 3 "the tests do not compile (see above)"
    tests=$(cd "$app/src/test/java" && find . -name '*Test.java' | sed 's#^\./##; s#\.java$##; s#/#.#g')
    rm -rf "$vectors/written"
    (
        cd "$app" && LEVIT_EDGE_VECTORS=$vectors java -Xmx512m \
            -classpath "$work/test-classes:$json:$junit:$work/classes:$android" org.junit.runner.JUnitCore $tests
    ) > "$work/junit.log" || { grep -v '^\sat \(org.junit\|java\|jdk\)' "$work/junit.log" >&2; die 3 "JUnit fails (see above)"; }
    sed -n 's/^OK (\([0-9]*\) tests)$/JUnit: \1 passed/p' "$work/junit.log"
}

# dx reads classes of Java 7, without lambdas.
make_dex() {
    echo "making dex"
    cat > "$work/lower.pro" << END
-injars $work/classes
-injars $executorch/android/libs/classes.jar(org/pytorch/executorch/*.class,org/pytorch/executorch/annotations/**)
-outjars $work/lower.jar
-libraryjars $android
-target 1.7
-dontshrink
-dontoptimize
-dontobfuscate
-dontwarn **
-dontnote **
-keepattributes *
END
    proguard "@$work/lower.pro" > "$work/proguard.log" || { cat "$work/proguard.log" >&2; die 3 "ProGuard fails (see above)"; }
    java -classpath "$dir/dx/dx.jar" com.android.dx.command.Main --dex --output="$work/apk/classes.dex" "$work/lower.jar" ||
        die 3 "dx fails (see above)"
}

assemble() {
    echo "assembling the APK"
    cp "$executorch/third-party/android/libs/executorch/arm64-v8a/libexecutorch.so" "$work/apk/lib/arm64-v8a/"
    cp "$work/resources.apk" "$work/unaligned.apk"
    (cd "$work/apk" && zip --quiet --recurse-paths ../unaligned.apk classes.dex lib)
    zipalign -p -f 4 "$work/unaligned.apk" "$work/unsigned.apk"
    apksigner sign --ks "$dir/keystore" --ks-pass pass:android --out "$work/demo.apk" "$work/unsigned.apk"
}

verify() {
    local apk=$work/demo.apk class
    echo "verifying the APK"
    apksigner verify --min-sdk-version "$min_sdk" "$apk" || die 3 "the signature is wrong (see above)"
    zipalign -c -p 4 "$apk" > "$work/zipalign.log" || die 3 "the APK is not aligned: $(cat "$work/zipalign.log")"
    aapt dump badging "$apk" > "$work/badging" 2> "$work/badging.log" || die 3 "aapt cannot read the APK: $(cat "$work/badging.log")"
    require_line "package: name='$namespace' versionCode='$version_code' versionName='$version_name'" "$work/badging"
    require_line "sdkVersion:'$min_sdk'" "$work/badging"
    require_line "targetSdkVersion:'$target_sdk'" "$work/badging"
    require_line "launchable-activity: name='$namespace.MainActivity'" "$work/badging"
    require_line "native-code: 'arm64-v8a'" "$work/badging"
    dexdump "$apk" > "$work/dexdump"
    for class in org.pytorch.executorch.Module $(manifest_classes); do
        require_line "  Class descriptor  : 'L${class//.//};'" "$work/dexdump"
    done
    ! grep -E 'invoke-(custom|polymorphic)' "$work/dexdump" >&2 || die 3 "a lambda got past ProGuard (see above)"
    unzip -Zl "$apk" assets/package/model.pte > "$work/model.entry"
    grep -q ' stor ' "$work/model.entry" || die 3 "model.pte is not stored in the APK: $(cat "$work/model.entry")"
    unzip -p "$apk" assets/package/model.pte | cmp - "$app/src/main/assets/package/model.pte" ||
        die 3 "model.pte in the APK is another than the package's"
    mv "$apk" "$output/demo.apk"
    echo "ready: $output/demo.apk"
}

manifest_classes() {
    grep --only-matching "android:name=\"$namespace\.[A-Za-z0-9_.]*\"" "$work/AndroidManifest.xml" | cut -d '"' -f 2
}

require_line() { # START FILE
    grep --quiet --fixed-strings -- "$1" "$2" || die 3 "$2 has no \"$1\""
}

main "$@"
