package dev.levitedge.demo;

import java.io.File;

/** What a benchmark needs of the phone and the app. */
public interface BenchmarkHost {
    /** The package that the app carries. */
    PackageFiles carriedPackage();

    /** Copies the model of a package to where ExecuTorch can load it; not timed. */
    File store(DemoPackage checked) throws Exception;

    /** Loads the model with a thread pool of this size; timed. */
    Model load(File model, int threads) throws Exception;

    /** PowerManager.getCurrentThermalStatus(), 0 to 6; null before Android 10. */
    Integer thermalStatus();

    /** What the phone is. */
    DeviceFacts device();

    /** Whether it computes in float16. */
    Float16 float16();

    /** The version of the app's ExecuTorch library. */
    String executorchVersion();
}
