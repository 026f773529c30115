package dev.levitedge.demo;

import java.io.File;
import java.io.IOException;
import java.util.Map;
import java.util.function.LongSupplier;

/** Times the model of a package, without preprocessing, and writes one document for {@code levit-edge bench}. */
public final class Benchmark {
    private static final double NANOSECONDS_PER_MS = 1e6;

    private final BenchmarkHost host;
    private final LongSupplier nanoTime;

    /** Of the app, with System.nanoTime. */
    public Benchmark(BenchmarkHost host) {
        this(host, System::nanoTime);
    }

    Benchmark(BenchmarkHost host, LongSupplier nanoTime) {
        this.host = host;
        this.nanoTime = nanoTime;
    }

    /**
     * Measures what the extras ask for and writes the result, or why there is none.
     *
     * @param extras of the intent, see {@link BenchmarkRequest#of}
     * @throws IOException the reply cannot be written
     */
    public void answer(Map<String, ?> extras, BenchmarkReply reply) throws IOException {
        BenchmarkResult result;
        try {
            result = measure(BenchmarkRequest.of(extras));
        } catch (Exception | LinkageError | OutOfMemoryError error) {
            reply.writeFailure(error);
            return;
        }
        reply.write(result.toJson(reply.nonce));
    }

    BenchmarkResult measure(BenchmarkRequest request) throws Exception {
        DemoPackage golden = chosen(DemoPackage.open(
                request.packageFolder == null ? host.carriedPackage() : new FolderFiles(request.packageFolder)), request);
        File file = host.store(golden);
        Integer before = host.thermalStatus();
        long start = nanoTime.getAsLong();
        try (Model model = host.load(file, request.threads)) {
            double loadMs = (nanoTime.getAsLong() - start) / NANOSECONDS_PER_MS;
            float[] input = golden.goldenInput[0];
            double firstMs = time(model, input);
            SelfTest selfTest = SelfTest.run(golden, model);
            for (int i = 0; i < request.warmup; i++) {
                model.run(input);
            }
            double[] milliseconds = new double[request.runs];
            for (int i = 0; i < request.runs; i++) {
                milliseconds[i] = time(model, input);
            }
            return new BenchmarkResult(request, golden.modelSha256, loadMs, firstMs, new Percentiles(milliseconds),
                    model.delegates(), before, host.thermalStatus(), host.device(), host.executorchVersion(), selfTest);
        }
    }

    /** About the model that is asked for, or the first; one with float16 is refused where it would fail. */
    private DemoPackage chosen(DemoPackage golden, BenchmarkRequest request) throws PackageException {
        DemoPackage chosen = null;
        for (PackedModel each : golden.document.models()) {
            if (chosen == null && (request.precision == null || request.precision.equals(each.precision))) {
                chosen = golden.with(each);
            }
        }
        if (chosen == null) {
            throw new PackageException("The package has no model with the precision " + request.precision);
        }
        if (chosen.model.isFloat16() && !host.float16().has) {
            PackedModel first = golden.document.model;
            throw new PackageException(
                    host.float16().refusal(chosen.model.file, first.isFloat16() ? "the bundle's int8.pte" : first.file));
        }
        return chosen;
    }

    private double time(Model model, float[] input) {
        long start = nanoTime.getAsLong();
        model.run(input);
        return (nanoTime.getAsLong() - start) / NANOSECONDS_PER_MS;
    }
}
