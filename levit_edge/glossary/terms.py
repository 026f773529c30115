"""The terms, in the order of the alphabet: the one source of `levit-edge explain` and of docs/glossary.md."""

from levit_edge.glossary.term import Term

__all__ = ["TERMS"]

TERMS = (
    Term(
        name="agreement",
        also=("agree", "agree %"),
        meaning="How often fp32 and INT8 have the same first class, right or wrong, in percent of the images. It"
        " needs no labels. 100 % means that INT8 changed no answer; the drop can be 0 with less, if as many"
        " answers were lost as gained.",
        formula="100 * images with the same top-1 in both / images",
        page="how-it-works.md#verification",
    ),
    Term(
        name="artifact",
        meaning="One model file of a bundle: fp32.pte, int8.pte, int8-f16.pte, fp32.onnx or int8.onnx. The .pte files"
        " are for ExecuTorch, the .onnx files for ONNX Runtime.",
        page="quickstart.md#4-quantize",
    ),
    Term(
        name="budget",
        also=("accuracy budget", "max-drop"),
        meaning="The drop that you allow, in percentage points: `quantize --max-drop 0.3`. `quantize` then searches"
        " for the fewest layers that have to move to a more exact scheme, on one part of the evaluation"
        " images, and judges the result on the other part.",
        page="recipes.md#an-accuracy-budget",
    ),
    Term(
        name="bundle",
        meaning="The folder that `levit-edge quantize` makes: model files, labels, golden inputs, manifest and"
        " report. Its manifest has the SHA-256 of every other file, and all commands check them before they"
        " open one.",
        page="quickstart.md#4-quantize",
    ),
    Term(
        name="calibration",
        also=("calibration images", "calibrate"),
        meaning="Running the float network over some hundred photographs to see which range of values each layer"
        " meets. The photographs should be like those that the model will see; their labels are not used. They"
        " must not be the ones that you evaluate on.",
        page="how-it-works.md#ranges",
    ),
    Term(
        name="checkpoint",
        also=("weights",),
        meaning="The file or folder of trained weights that you start from: the original code's .pth, timm's or"
        " Transformers' files. `levit-edge inspect` says what one is.",
        page="quickstart.md#2-look-at-the-checkpoint",
    ),
    Term(
        name="drop",
        also=("drop pt", "accuracy drop"),
        meaning="What quantizing costs: the top-1 of fp32 minus that of INT8, on the same images in the same runtime,"
        " in percentage points. Below zero INT8 has more right. Read it together with its interval: a few"
        " images more or fewer move it by chance.",
        formula="100 * (lost - gained) / images",
        page="how-it-works.md#verification",
    ),
    Term(
        name="dynamic layer",
        also=("dynamic", "dynamic quantization"),
        meaning="An INT8 layer that takes the range of its input anew whenever it runs, so that no calibration can be"
        " wrong about it. It is mostly more exact than a static one. On ARM a dynamic linear takes more"
        " instructions.",
        page="how-it-works.md#static-and-dynamic",
    ),
    Term(
        name="equalization",
        also=("equalize", "cross-layer equalization"),
        meaning="Multiplying channels by factors in the layers that write them, and dividing by the same factors in"
        " those that read them. The float network computes what it did, but all channels get a like size, so"
        " that one scale fits them all.",
        formula="s_c = sqrt(max |W[:, c]| / max |x_c|)   for channel c of the activations x and the weights W",
        page="how-it-works.md#equalization",
    ),
    Term(
        name="flip",
        also=("flips", "lost", "gained"),
        meaning="An image that only one of fp32 and INT8 has right. It is lost if INT8 is the wrong one, gained if"
        " fp32 is. The report shows the images that flipped.",
        page="how-it-works.md#verification",
    ),
    Term(
        name="float layer",
        also=("float",),
        meaning="A layer that is left in float32: `--float-layer 'stem.*'`. It loses nothing and takes the most time.",
        page="how-it-works.md#static-and-dynamic",
    ),
    Term(
        name="float16",
        also=("f16", "fp16", "half precision", "int8-f16"),
        meaning="Floating-point numbers of 16 bits, half as long as float32. int8-f16.pte computes in float16 between"
        " its INT8 layers: fewest instructions where the processor has such arithmetic (Cortex-A55, A75, A76"
        " and later: Raspberry Pi 5), and it does not run where it has none (Cortex-A53, A72: Raspberry Pi 3"
        " and 4).",
        page="boards.md#float16",
    ),
    Term(
        name="fp32",
        also=("float32", "fp32 twin", "float twin"),
        meaning="The network as it was trained, in floating-point numbers of 32 bits, without batch norm. Each INT8"
        " file is compared with the fp32 file of its own runtime, so that nothing but INT8 differs.",
        page="how-it-works.md#verification",
    ),
    Term(
        name="gate",
        also=("gate-on", "exit status 4"),
        meaning="A limit that a command enforces: if it is not kept, the exit status is 4. `verify --max-drop 1` is"
        " one on accuracy, `bench --max-latency-ms 20` one on time. `--gate-on interval` judges the upper end"
        " of the drop's interval, which few images fail.",
        page="quickstart.md#6-put-a-gate-into-your-pipeline",
    ),
    Term(
        name="golden test",
        also=("golden", "golden inputs", "golden outputs", "self-test"),
        meaning="A few inputs in each bundle, and the logits that its files gave for them where it was made. A board"
        " or an app runs them first: other logits mean that it computes another network. It is a check of the"
        " computation, and no measure of accuracy.",
        page="boards.md#golden-outputs-on-other-processors",
    ),
    Term(
        name="GPTQ",
        also=("weight rounding",),
        meaning="A way to round weights to INT8 in which each one makes up for the errors of those before it (Frantar"
        " et al., 2022). It looks at the layer's inputs during calibration and costs nothing on the device.",
        page="how-it-works.md#weights",
    ),
    Term(
        name="INT8",
        also=("quantization", "quantized", "8 bit"),
        meaning="Whole numbers from -128 to 127 in place of 32-bit floating-point numbers, each with a scale: a"
        " quarter of the bits, and faster arithmetic. Rounding to them costs accuracy, which is what the table"
        " shows.",
        formula="real = scale * (int8 - zero_point),   scale = (high - low) / 255   for a range from low to high",
        page="how-it-works.md#ranges",
    ),
    Term(
        name="interval",
        also=("95 % interval", "confidence interval"),
        meaning="How well your images can tell the drop: drawn anew, as many images would give an interval around the"
        " true drop 95 times in 100. If it holds 0, these images cannot tell the drop from none; some thousand"
        " make it narrow. It is that of a paired difference (Bonett and Price, 2012).",
        formula="p_l - p_g +/- 1.96 * sqrt((p_l + p_g - (p_l - p_g)^2) / (n + 2)),   p = (count + 1) / (n + 2), of"
        " lost and gained images, n images",
        page="how-it-works.md#verification",
    ),
    Term(
        name="latency",
        also=("inference time", "milliseconds"),
        meaning="The time of one image through the network, without reading or resizing it. `levit-edge bench`"
        " measures it where you say, fp32 and INT8 in turns.",
        page="boards.md#measure",
    ),
    Term(
        name="layer",
        meaning="A convolution or a linear of the network, with a name such as stem.conv1 or blocks.3.q. Each has a"
        " scheme. `levit-edge sensitivity` says which of them cost the most accuracy.",
        page="recipes.md#which-layers-cost-what",
    ),
    Term(
        name="logits",
        meaning="The network's outputs, a number for each class: the largest is its answer. Probabilities are their"
        " softmax.",
        page="package-format.md#from-a-photograph-to-the-input",
    ),
    Term(
        name="manifest",
        also=("manifest.json",),
        meaning="The file of a bundle that says all about it: preprocessing, recipe, where weights and images came"
        " from, versions, results, and the SHA-256 of every other file.",
        page="quickstart.md#4-quantize",
    ),
    Term(
        name="package",
        meaning="One file with the INT8 models and all that an app, a board or a browser needs to use and to check"
        " them: `levit-edge package BUNDLE --for board`. A bundle stays with you, a package is handed on.",
        page="package-format.md",
    ),
    Term(
        name="percentile times",
        also=("p50", "p90", "p99", "median", "percentile"),
        meaning="p50 is the median: half of the runs took at most so long. 90 of 100 runs took at most p90, 99 of 100"
        " at most p99. A p90 far above p50 says that something disturbed the board: other programs, heat, a"
        " changing clock.",
        page="boards.md#measure",
    ),
    Term(
        name="recipe",
        meaning="Every choice that makes INT8 of a network: schemes, ranges, rounding, files. It is saved in the"
        " manifest, and `--recipe FILE` gives a whole one.",
        page="recipes.md",
    ),
    Term(
        name="runtime",
        also=("ExecuTorch", "ONNX Runtime", "onnxruntime"),
        meaning="The program that runs a model file: ExecuTorch the .pte, ONNX Runtime the .onnx. Both are measured,"
        " since which one is faster depends on the processor.",
        page="performance.md#which-file-for-which-processor",
    ),
    Term(
        name="scheme",
        also=("mixed", "auto"),
        meaning="How a layer computes: static, dynamic or float. `--scheme` says which layers get which; the default,"
        " auto, has stem and head dynamic and everything else static, and more dynamic without calibration"
        " images of your own.",
        page="recipes.md#schemes",
    ),
    Term(
        name="speed-up",
        also=("speedup",),
        meaning="How many times as fast INT8 is as fp32, in turns that followed each other: the median of the rounds,"
        " and quartiles. 1 means no gain.",
        formula="time of fp32 / time of INT8",
        page="boards.md#measure",
    ),
    Term(
        name="SQNR",
        also=("SQNR dB", "SNR", "signal to quantization noise ratio", "dB", "decibel"),
        meaning="Signal to quantization noise ratio of the logits, in decibels: how small the error of INT8 is beside"
        " the outputs themselves. 6 dB more is half the error. It needs no labels, and sees changes long"
        " before a class flips.",
        formula="10 * log10(sum(fp32^2) / sum((int8 - fp32)^2))   over all logits of all images",
        page="how-it-works.md#verification",
    ),
    Term(
        name="stand-in",
        meaning="A LeViT-128S trained for minutes on ten classes of Imagenette, on which most figures of the"
        " documentation were taken. It shows the tool at work and says nothing about ImageNet.",
        page="accuracy.md",
    ),
    Term(
        name="static layer",
        also=("static", "static quantization"),
        meaning="An INT8 layer whose ranges are fixed, as calibration saw them. It takes the fewest instructions, and"
        " is only as good as the calibration images are like what comes later.",
        page="how-it-works.md#static-and-dynamic",
    ),
    Term(
        name="sweep",
        also=("candidate", "shard"),
        meaning="Many checkpoints quantized by many recipes, each pair a candidate, on this machine or a Ray cluster."
        " The best candidate within your gates wins; a shard is a part of the evaluation images.",
        page="sweeps.md",
    ),
    Term(
        name="top-1",
        also=("top1", "top-1 %", "top-5", "top5", "top-5 %", "accuracy"),
        meaning="The percentage of labelled images whose class is the network's first answer. For top-5 it may be any"
        " of its first five answers.",
        formula="100 * images whose class is the largest logit / images",
        page="how-it-works.md#verification",
    ),
)
