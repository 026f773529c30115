package dev.levitedge.demo;

import java.io.File;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.pytorch.executorch.EValue;
import org.pytorch.executorch.Module;
import org.pytorch.executorch.Tensor;

/** A .pte in ExecuTorch's runtime. */
final class ExecuTorchModel implements Model {
    /** As many as ExecuTorch finds right for this phone. */
    static final int DEFAULT_THREADS = 0;

    private static final String METHOD = "forward";

    private final Module module;

    /** Loads the file and its method, so that the first run does not. */
    ExecuTorchModel(File file, int threads) {
        module = Module.load(file.getPath(), Module.LOAD_MODE_MMAP, threads);
        module.loadMethod(METHOD);
    }

    @Override
    public float[] run(float[] input) {
        long side = Math.round(Math.sqrt(input.length / 3.0));
        EValue[] outputs = module.forward(EValue.from(Tensor.fromBlob(input, new long[] {1, 3, side, side})));
        if (outputs.length != 1 || !outputs[0].isTensor()) {
            throw new IllegalStateException("the model gives " + outputs.length + " values, expected one tensor");
        }
        return outputs[0].toTensor().getDataAsFloatArray();
    }

    @Override
    public List<String> delegates() {
        String[] backends = module.getMethodMetadata(METHOD).getBackends();
        return backends == null ? Collections.emptyList() : Arrays.asList(backends);
    }

    @Override
    public void close() {
        module.destroy();
    }
}
