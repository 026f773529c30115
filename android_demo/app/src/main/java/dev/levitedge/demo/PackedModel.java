package dev.levitedge.demo;

/** What model.json says of one model file. */
public final class PackedModel {
    static final String INT8 = "int8";
    static final String FLOAT16 = "int8-f16";
    private static final double HIGHEST_SQNR_DB = 200;

    /** The file that ExecuTorch loads. */
    public final String file;
    /** int8; int8-f16, for phones that compute in float16; or fp32, which levit-edge sends to be timed beside them. */
    public final String precision;
    /** The version of ExecuTorch that wrote it. */
    public final String madeWith;
    /** The oldest version of ExecuTorch that is known to load it. */
    public final String oldestRuntime;
    /** (N, classes): the logits for the golden input where the model was made. */
    public final PackageDocument.FloatArray goldenOutput;
    /** How close to them a phone must come; see {@link SelfTest}. */
    public final double leastSqnrDb;
    /** What the model did on the evaluation's images; null if it was not measured. */
    public final PackageDocument.Accuracy accuracy;

    PackedModel(JsonFields model, String file, String goldenFile, int images, int classes, String... precisions)
            throws PackageException {
        model.expectKeys("file", "runtime", "precision", "made_with", "oldest_runtime", "golden_output",
                "least_sqnr_db", "accuracy");
        this.file = model.choice("file", file);
        model.choice("runtime", "executorch");
        precision = model.choice("precision", precisions);
        madeWith = model.text("made_with");
        JsonFields oldest = model.object("oldest_runtime");
        oldest.expectKeys("version", "basis");
        oldest.text("basis");
        oldestRuntime = oldest.text("version");
        goldenOutput = new PackageDocument.FloatArray(model.object("golden_output"), images, classes);
        model.object("golden_output").choice("file", goldenFile);
        leastSqnrDb = model.number("least_sqnr_db", Double.MIN_VALUE, HIGHEST_SQNR_DB);
        accuracy = model.isNull("accuracy") ? null : new PackageDocument.Accuracy(model.object("accuracy"));
    }

    /** Whether it computes in float16. */
    public boolean isFloat16() {
        return precision.equals(FLOAT16);
    }
}
