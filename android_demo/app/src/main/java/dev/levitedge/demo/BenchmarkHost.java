package dev.levitedge.demo;

/** What a benchmark needs of the phone and the app. */
public interface BenchmarkHost {
    /** Opens the app's package and puts its model where {@link #load} finds it; not timed. */
    DemoPackage prepare() throws Exception;

    /** Loads the model with a thread pool of this size; timed. */
    Model load(int threads) throws Exception;

    /** PowerManager.getCurrentThermalStatus(), 0 to 6; null before Android 10. */
    Integer thermalStatus();

    /** What the phone is. */
    DeviceFacts device();

    /** The version of the app's ExecuTorch library. */
    String executorchVersion();
}
