package contract

// Labels and annotations of a build's Job and Pods.
const (
	// LabelBuild is the name of the build, as in Knative 0.2 and later.
	LabelBuild = "build.knative.dev/buildName"
	// AnnotationResult, on a Job, is the image that it published, with its
	// digest, or `none`. It outlives the Pod that said so.
	AnnotationResult = "sluice.dev/result"
	// AnnotationStop, on a Job, says why its pods are to end: they are stopped,
	// not deleted, so that their logs stay.
	AnnotationStop = "sluice.dev/stop"
	// AnnotationInputs, on a Job, is the hash of what it builds from.
	AnnotationInputs = "sluice.dev/inputs"
	// AnnotationBuilt, on a revision's Deployment, is the hash of what its
	// images were built from.
	AnnotationBuilt = "sluice.dev/built"
)

// Containers of a build's Pod.
const (
	// StepPrefix begins the name of every step's container.
	StepPrefix = "build-step-"
	// StepCredentials is the first step, StepSource the one that fetches an
	// only source; several have names of their own behind it.
	StepCredentials = StepPrefix + "credential-initializer"
	StepGit         = StepPrefix + "git-source"
	StepGCS         = StepPrefix + "gcs-source"
	StepCustom      = StepPrefix + "custom-source"
	// StepResult is the last container: it pushes what the steps left behind,
	// and says in its termination message which image there is now.
	StepResult = StepPrefix + "result"
)

// ExitAgain is the exit code of our own steps when something was away that may
// be back: a repository, a registry. It is that of sysexits.h for "try again".
const ExitAgain = 75

// BuildSteps are the names that no build may give to steps of its own.
var BuildSteps = []string{StepCredentials, StepGit, StepGCS, StepCustom, StepResult}

// Volumes that every build's Pod has, and where steps find them.
const (
	VolumeWorkspace = "workspace"
	VolumeHome      = "home"
	// VolumeTools holds the sluice program for steps in images without it.
	VolumeTools = "sluice-tools"
	// VolumeImage takes an OCI layout, or a file with a digest, to the last
	// container.
	VolumeImage = "sluice-image"
	// VolumeCache stays from build to build, for each namespace its own.
	VolumeCache = "sluice-cache"
	// VolumeSigning holds the key that signs images. The last container alone
	// may mount it.
	VolumeSigning = "sluice-signing"

	DirWorkspace = "/workspace"
	DirHome      = "/builder/home"
	DirTools     = "/builder/tools"
	DirImage     = "/builder/image"
	// DirLayout is where a step leaves an OCI layout to be pushed, and
	// FileDigest where one that has pushed writes the digest.
	DirLayout  = DirImage + "/oci"
	FileDigest = DirImage + "/digest"
	DirCache   = "/builder/cache"
	// DirSecrets holds a folder for each Secret of the build's ServiceAccount.
	DirSecrets = "/builder/secrets"
	// DirToken holds the token that says to the engine who asks for a source.
	DirToken = "/builder/token"
	// DirSigning holds the Secret that signs images.
	DirSigning = "/builder/signing"
)

// BuildVolumes are the names that no build may give to volumes of its own.
var BuildVolumes = []string{VolumeWorkspace, VolumeHome, VolumeTools, VolumeImage, VolumeCache}

// SourceLimit is the size in bytes from which on the files of a source are too
// large, unless the installation says otherwise: 2 GB.
const SourceLimit = 2_000_000_000

// Environment of our own steps.
const (
	// EnvRegistries maps registry names to where they answer, as
	// `local.dev=http://127.0.0.1:5000`, separated by commas.
	EnvRegistries = "SLUICE_REGISTRIES"
	// SourceAudience is whom a build's token for sources is for.
	SourceAudience = "sluice.dev/source"
	// PathSource serves the tree of that hash as a tar archive.
	PathSource = "/v1/source/"
	// TreeListen is the port on which the engine serves sources.
	TreeListen = 9091
)

// BuildResult is the termination message of StepResult.
type BuildResult struct {
	// Image is the reference with its digest; empty if the build names none.
	Image string `json:"image,omitempty"`
	// Base is the image below it, with its digest, where it is known.
	Base string `json:"base,omitempty"`
}

// EnvBuild tells StepResult what to record of the build: BuildFacts as JSON.
const EnvBuild = "SLUICE_BUILD"

// BuildFacts is what an image's provenance says of how it was made.
type BuildFacts struct {
	// Build is the build's namespace and name; Inputs the hash of all it
	// depends on.
	Build  string `json:"build"`
	Inputs string `json:"inputs"`
	// Template and its Arguments, where it has one.
	Template  string            `json:"template,omitempty"`
	Arguments map[string]string `json:"arguments,omitempty"`
	Sources   []BuildSource     `json:"sources,omitempty"`
	// Images that the steps ran in, as written.
	Images []string `json:"images,omitempty"`
}

// BuildSource is where files came from.
type BuildSource struct {
	Name string `json:"name,omitempty"`
	URI  string `json:"uri"`
	// Revision as written; Commit and Tree are what it stood for, where known.
	Revision string `json:"revision,omitempty"`
	Commit   string `json:"commit,omitempty"`
	Tree     string `json:"tree,omitempty"`
	Path     string `json:"path,omitempty"`
}

// SourceFile is where a source's step writes, as a BuildSource, what its
// revision stood for.
func SourceFile(name string) string { return DirImage + "/source-" + name + ".json" }
