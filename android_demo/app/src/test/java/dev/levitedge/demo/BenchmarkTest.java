package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;
import org.json.JSONObject;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class BenchmarkTest {
    private static final String NONCE = "0123456789abcdef0123456789abcdef";

    @Rule public final TemporaryFolder folder = new TemporaryFolder();

    /** A phone on which each look at the clock comes a millisecond later than the one before. */
    private static class Phone implements BenchmarkHost {
        final PackageFiles files;
        final float factor;
        GoldenModel model;
        int threads;
        Integer thermalStatus = 0;
        Float16 float16 = Float16Test.A76;
        private long milliseconds;
        private DemoPackage golden;

        Phone(PackageFiles files, float factor) {
            this.files = files;
            this.factor = factor;
        }

        @Override
        public PackageFiles carriedPackage() {
            return files;
        }

        @Override
        public File store(DemoPackage checked) {
            golden = checked;
            milliseconds += 1000; // which is not part of the time to load
            return new File("model.pte");
        }

        @Override
        public Model load(File file, int threads) {
            assertEquals("model.pte", file.getName());
            this.threads = threads;
            model = new GoldenModel(golden, factor);
            return model;
        }

        @Override
        public Integer thermalStatus() {
            Integer status = thermalStatus;
            thermalStatus = status == null ? null : status + 1;
            return status;
        }

        @Override
        public DeviceFacts device() {
            return new DeviceFacts("Example", "Phone 1", null, "11", 30, "arm64-v8a");
        }

        @Override
        public Float16 float16() {
            return float16;
        }

        @Override
        public String executorchVersion() {
            return "1.4.1";
        }

        long nanoTime() {
            return 1_000_000 * milliseconds++;
        }
    }

    @Test
    public void itMeasuresWhatItIsAskedTo() throws Exception {
        Phone phone = new Phone(new ExamplePackage(), 1);
        JSONObject result = answer(phone, extras(20, 3, 4));
        assertEquals(4, phone.threads);
        assertEquals("first, golden images, warm-up, timed", 1 + 2 + 3 + 20, phone.model.runs);
        assertTrue(phone.model.closed);
        assertEquals(20, result.getInt("runs"));
        assertEquals(3, result.getInt("warmup"));
        assertEquals(4, result.getInt("threads"));
        assertEquals(NONCE, result.getString("nonce"));
        assertEquals(1, result.getDouble("load_ms"), 0);
        assertEquals(1, result.getJSONObject("latency_ms").getDouble("p99"), 0);
        assertEquals(DemoPackage.open(phone.files).modelSha256, result.getString("model_sha256"));
        assertTrue(result.getJSONObject("self_test").getBoolean("passed"));
        assertEquals(0, result.getJSONObject("thermal_status").getInt("before"));
        assertEquals(1, result.getJSONObject("thermal_status").getInt("after"));
        assertTrue(result.getJSONObject("device").isNull("soc"));
    }

    @Test
    public void theModelThatIsAskedForIsMeasured() throws Exception {
        Phone phone = new Phone(new ExamplePackage().withFloat16(), 1);
        Map<String, Object> extras = extras(1, 0, 1);
        DemoPackage both = DemoPackage.open(phone.files);
        assertEquals(both.modelSha256, answer(phone, extras).getString("model_sha256"));
        extras.put("precision", "int8-f16");
        JSONObject result = answer(phone, extras);
        assertEquals(both.with(both.document.float16Model).modelSha256, result.getString("model_sha256"));
        assertTrue(result.getJSONObject("self_test").getBoolean("passed"));
        extras.put("precision", "fp32");
        assertFailure(phone, extras, "The package has no model with the precision fp32");
    }

    @Test
    public void float16ThatWouldFailIsRefused() throws Exception {
        Phone phone = new Phone(new ExamplePackage().withFloat16(), 1);
        phone.float16 = Float16Test.A53;
        Map<String, Object> extras = extras(1, 0, 1);
        extras.put("precision", "int8-f16");
        assertFailure(phone, extras, "model-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp,"
                + " asimdhp in /proc/cpuinfo): use model.pte");
        assertEquals("nothing was loaded", null, phone.model);
    }

    @Test
    public void aFailedSelfTestIsSaid() throws Exception {
        JSONObject result = answer(new Phone(new ExamplePackage(), 1.5f), extras(1, 0, 1)).getJSONObject("self_test");
        assertFalse(result.getBoolean("passed"));
        assertEquals(1.5, result.getDouble("max_abs_difference"), 0);
    }

    @Test
    public void anOldAndroidHasNoThermalStatus() throws Exception {
        Phone phone = new Phone(new ExamplePackage(), 1);
        phone.thermalStatus = null;
        JSONObject status = answer(phone, extras(1, 0, 1)).getJSONObject("thermal_status");
        assertTrue(status.isNull("before") && status.isNull("after"));
    }

    @Test
    public void differencesThatJsonCannotHoldAreLarge() throws Exception {
        JSONObject result = answer(new Phone(new ExamplePackage(), Float.NaN), extras(1, 0, 1)).getJSONObject("self_test");
        assertEquals(1e30, result.getDouble("max_abs_difference"), 0);
    }

    @Test
    public void wrongExtrasAreAnswered() throws Exception {
        Phone phone = new Phone(new ExamplePackage(), 1);
        assertFailure(phone, extras(0, 0, 1), "runs is 0, expected 1 to 100000");
        assertFailure(phone, extras(100_001, 0, 1), "runs is 100001");
        assertFailure(phone, extras(1, -1, 1), "warmup is -1, expected 0 to 100000");
        assertFailure(phone, extras(1, 0, 0), "threads is 0, expected 1 to 64");
        assertFailure(phone, extras(1, 0, 65), "threads is 65");
        Map<String, Object> extras = extras(1, 0, 1);
        extras.put("runs", "20");
        assertFailure(phone, extras, "runs is 20, expected a whole number (--ei)");
        extras.remove("runs");
        assertFailure(phone, extras, "runs is null");
        extras.put("runs", 1);
        for (Object folder : new Object[] {7, "", "/sdcard/x", "/data/local/tmp", "/data/local/tmp/../x", "/data/local/tmp/a/.."}) {
            extras.put("package", folder);
            assertFailure(phone, extras, "package is " + folder + ", expected ");
        }
        extras.put("colour", "blue");
        assertFailure(phone, extras, "unknown extras [colour]");
    }

    @Test
    public void aPackageThatWasSentIsTakenFirst() throws Exception {
        Map<String, Object> extras = extras(1, 0, 1);
        extras.put("package", "/data/local/tmp/levit-edge-0/int8.pte"); // which this computer does not have
        assertFailure(new Phone(new ExamplePackage(), 1), extras, "/data/local/tmp/levit-edge-0/int8.pte is not a folder");
    }

    @Test
    public void aDamagedPackageIsAnswered() throws Exception {
        ExamplePackage damaged = new ExamplePackage();
        damaged.files.put("model.pte", "b model".getBytes(StandardCharsets.UTF_8));
        assertFailure(new Phone(damaged, 1), extras(1, 0, 1), "model.pte is damaged");
    }

    @Test
    public void errorsOfTheRuntimeAreAnswered() throws Exception {
        Phone phone = new Phone(new ExamplePackage(), 1) {
            @Override
            public Model load(File file, int threads) {
                throw new UnsatisfiedLinkError("no executorch");
            }
        };
        assertFailure(phone, extras(1, 0, 1), "java.lang.UnsatisfiedLinkError: no executorch");
    }

    @Test
    public void nothingElseIsLeftInTheFolder() throws Exception {
        answer(new Phone(new ExamplePackage(), 1), extras(1, 0, 1));
        assertArrayEquals(new String[] {"result.json"}, folder.getRoot().list());
    }

    @Test
    public void aReplyThatCannotBeWrittenIsAnError() {
        File missing = new File(folder.getRoot(), "missing");
        assertThrows(IOException.class, () -> new Benchmark(new Phone(new ExamplePackage(), 1))
                .answer(extras(1, 0, 1), new BenchmarkReply(missing, "result.json", NONCE)));
    }

    @Test
    public void thereIsNoReplyWithoutAPlainNameAndANonce() {
        String[] names = {null, "", ".json", "result", "../result.json", "a/b.json", ".hidden.json", "a b.json", "a\0.json"};
        for (String name : names) {
            assertThrows(name, IllegalArgumentException.class, () -> new BenchmarkReply(folder.getRoot(), name, NONCE));
        }
        for (String nonce : new String[] {null, "", NONCE.toUpperCase(), NONCE + "0", NONCE.replace('0', 'g')}) {
            assertThrows(IllegalArgumentException.class, () -> new BenchmarkReply(folder.getRoot(), "a.json", nonce));
        }
    }

    /** For levit-edge in Python to read: see tests/android. */
    @Test
    public void documentsForPythonAreWritten() throws Exception {
        File written = new File(Vectors.folder(), "written");
        PackageFiles files = new FolderFiles(ExamplePackage.ofTheApp());
        Files.createDirectories(written.toPath());
        Benchmark real = new Benchmark(new Phone(files, 1));
        real.answer(extras(50, 5, 2), new BenchmarkReply(written, "benchmark.json", NONCE));
        new Benchmark(new Phone(files, Float.NaN)).answer(extras(1, 0, 1), new BenchmarkReply(written, "other.json", NONCE));
        real.answer(extras(0, 5, 2), new BenchmarkReply(written, "failure.json", NONCE));
        assertEquals(3, written.list().length);
    }

    private static Map<String, Object> extras(int runs, int warmup, int threads) {
        Map<String, Object> extras = new HashMap<>();
        extras.put("output", "result.json");
        extras.put("nonce", NONCE);
        extras.put("runs", runs);
        extras.put("warmup", warmup);
        extras.put("threads", threads);
        return extras;
    }

    private JSONObject answer(Phone phone, Map<String, ?> extras) throws Exception {
        new Benchmark(phone, phone::nanoTime).answer(extras, new BenchmarkReply(folder.getRoot(), "result.json", NONCE));
        byte[] content = Files.readAllBytes(new File(folder.getRoot(), "result.json").toPath());
        return new JSONObject(new String(content, StandardCharsets.UTF_8));
    }

    private void assertFailure(Phone phone, Map<String, ?> extras, String complaint) throws Exception {
        JSONObject failure = answer(phone, extras);
        assertEquals(NONCE, failure.getString("nonce"));
        assertEquals(1, failure.getInt("schema_version"));
        assertEquals(3, failure.length());
        assertTrue(failure.getString("error"), failure.getString("error").contains(complaint));
    }
}
