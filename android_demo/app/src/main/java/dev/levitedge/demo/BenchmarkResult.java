package dev.levitedge.demo;

import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** One benchmark, in the form of levit_edge/board/android/benchmark.schema.json. */
final class BenchmarkResult {
    private static final int MOST_DELEGATES = 20;
    /** In place of infinity, which JSON does not have. */
    private static final double LARGEST_DIFFERENCE = 1e30;

    private final BenchmarkRequest request;
    private final String modelSha256;
    private final double loadMs;
    private final double firstMs;
    private final Percentiles latencyMs;
    private final List<String> delegates;
    private final Integer thermalBefore;
    private final Integer thermalAfter;
    private final DeviceFacts device;
    private final String executorchVersion;
    private final SelfTest selfTest;

    BenchmarkResult(BenchmarkRequest request, String modelSha256, double loadMs, double firstMs, Percentiles latencyMs,
            List<String> delegates, Integer thermalBefore, Integer thermalAfter, DeviceFacts device,
            String executorchVersion, SelfTest selfTest) {
        this.request = request;
        this.modelSha256 = modelSha256;
        this.loadMs = loadMs;
        this.firstMs = firstMs;
        this.latencyMs = latencyMs;
        this.delegates = delegates;
        this.thermalBefore = thermalBefore;
        this.thermalAfter = thermalAfter;
        this.device = device;
        this.executorchVersion = executorchVersion;
        this.selfTest = selfTest;
    }

    JSONObject toJson(String nonce) {
        try {
            return new JSONObject()
                    .put("schema_version", BenchmarkReply.SCHEMA_VERSION)
                    .put("nonce", nonce)
                    .put("model_sha256", modelSha256)
                    .put("runs", request.runs)
                    .put("warmup", request.warmup)
                    .put("threads", request.threads)
                    .put("load_ms", loadMs)
                    .put("first_ms", firstMs)
                    .put("latency_ms", new JSONObject()
                            .put("p50", latencyMs.at(50))
                            .put("p90", latencyMs.at(90))
                            .put("p99", latencyMs.at(99))
                            .put("min", latencyMs.min()))
                    .put("delegates", delegatesJson())
                    .put("thermal_status", new JSONObject()
                            .put("before", orNull(thermalBefore))
                            .put("after", orNull(thermalAfter)))
                    .put("device", device.toJson())
                    .put("executorch_version", DeviceFacts.shortened(executorchVersion))
                    .put("self_test", new JSONObject()
                            .put("passed", selfTest.passed)
                            .put("max_abs_difference", Math.min(selfTest.maxAbsDifference, LARGEST_DIFFERENCE)));
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible); // only keys that are null and numbers that are not finite
        }
    }

    private JSONArray delegatesJson() {
        JSONArray array = new JSONArray();
        for (String each : delegates.subList(0, Math.min(delegates.size(), MOST_DELEGATES))) {
            array.put(DeviceFacts.shortened(each));
        }
        return array;
    }

    private static Object orNull(Integer value) {
        return value == null ? JSONObject.NULL : value;
    }
}
