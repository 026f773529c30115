package dev.levitedge.demo;

import android.content.Context;
import android.os.Build;
import android.os.PowerManager;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** This phone and this app, for the self-test and the benchmark. */
final class PhoneHost implements BenchmarkHost {
    private static final int MOST_CPUINFO_BYTES = 1 << 20;

    private final Context context;

    PhoneHost(Context context) {
        this.context = context.getApplicationContext();
    }

    @Override
    public PackageFiles carriedPackage() {
        return new AssetPackage(context.getAssets());
    }

    @Override
    public File store(DemoPackage content) throws PackageException, IOException {
        return new ModelStore(new File(context.getNoBackupFilesDir(), "models")).put(content);
    }

    @Override
    public Model load(File model, int threads) {
        return new ExecuTorchModel(model, threads);
    }

    /** By reflection, as the app is compiled against an older API too; the method is public. */
    @Override
    public Integer thermalStatus() {
        if (Build.VERSION.SDK_INT < 29) {
            return null;
        }
        Object power = context.getSystemService(Context.POWER_SERVICE);
        try {
            return (Integer) PowerManager.class.getMethod("getCurrentThermalStatus").invoke(power);
        } catch (ReflectiveOperationException notTold) {
            return null;
        }
    }

    @Override
    public DeviceFacts device() {
        return new DeviceFacts(Build.MANUFACTURER, Build.MODEL, soc(), Build.VERSION.RELEASE, Build.VERSION.SDK_INT, abi());
    }

    @Override
    public Float16 float16() {
        ByteArrayOutputStream cpuinfo = new ByteArrayOutputStream();
        try (InputStream in = new FileInputStream("/proc/cpuinfo")) {
            FileContent.copy(in, cpuinfo, MOST_CPUINFO_BYTES);
        } catch (IOException notTold) {
            cpuinfo.reset(); // nothing is known then, and the model without float16 is right everywhere
        }
        return Float16.of(abi(), new String(cpuinfo.toByteArray(), StandardCharsets.ISO_8859_1));
    }

    private static String abi() {
        return Build.SUPPORTED_64_BIT_ABIS.length > 0 ? Build.SUPPORTED_64_BIT_ABIS[0] : Build.SUPPORTED_ABIS[0];
    }

    @Override
    public String executorchVersion() {
        return BuildConfig.EXECUTORCH_VERSION;
    }

    /** Build.SOC_MODEL by reflection, see {@link #thermalStatus}. */
    private static String soc() {
        if (Build.VERSION.SDK_INT < 31) {
            return null;
        }
        try {
            return (String) Build.class.getField("SOC_MODEL").get(null);
        } catch (ReflectiveOperationException notTold) {
            return null;
        }
    }
}
