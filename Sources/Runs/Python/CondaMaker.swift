import System

/// A program that makes a conda environment of an `environment.yml`.
struct CondaMaker {
  enum Kind: String, CaseIterable {
    case micromamba, mamba, conda
    /// A package of the Python that is found first, which resolves and installs as the others do.
    case rattler
  }

  let kind: Kind
  /// Of the Python, for rattler.
  let executable: String

  /// The first that is there; whether Python has rattler only shows when it runs.
  ///
  /// - Parameter searchPath: the folders to look in; nil for the user's own.
  init?(in searchPath: String?) {
    for kind in Kind.allCases {
      if let found = ProgramPath.find(kind == .rattler ? "python3" : kind.rawValue, in: searchPath) {
        self.kind = kind
        executable = found
        return
      }
    }
    return nil
  }

  /// What the environment is made of, in the folder in which it is made: the user's file, under the name that all of them accept;
  /// what it wants, for rattler; what pip reads after rattler, where there is anything.
  static let file = "environment.yml"
  static let wantedFile = "packages.json"
  static let requirementsFile = "requirements.txt"

  /// - Parameters:
  ///   - entry: the folder with the files.
  ///   - environment: where it is to be; absolute.
  func line(in entry: String, making environment: String) -> [String] {
    let options = ["--prefix", environment, "--file", "\(entry)/\(CondaMaker.file)"]
    return switch kind {
    case .micromamba: [executable, "create"] + options
    case .mamba, .conda: [executable, "env", "create"] + options
    case .rattler: [executable, "-c", CondaMaker.script, "\(entry)/\(CondaMaker.wantedFile)", environment]
    }
  }

  /// Nobody is there to answer, nor to look at bars. Of what the user's home offers, pip is not to take anything for installed.
  static let variables = [
    "CONDA_ALWAYS_YES": "true", "CONDA_QUIET": "true", "MAMBA_ALWAYS_YES": "true",
    "MAMBA_NO_PROGRESS_BARS": "true", "PYTHONNOUSERSITE": "1",
  ]

  /// What makes them install nothing, not all of it, or for another machine.
  static let misleading: Set<String> = [
    "CONDA_DRY_RUN", "CONDA_DOWNLOAD_ONLY", "CONDA_SUBDIR", "MAMBA_DRY_RUN", "MAMBA_DOWNLOAD_ONLY",
    "MAMBA_NO_DEPS", "MAMBA_ONLY_DEPS", "MAMBA_PLATFORM",
  ]

  /// For what machine packages are chosen, as far as the user can say it: the system, and what is said of it in place of what is found,
  /// such as the newest CUDA of machines that are not this one.
  static func target(_ variables: [String: String]) -> String {
    #if arch(x86_64)
      let machine = "linux-64"
    #else
      let machine = "linux-aarch64"
    #endif
    let said = variables.filter { $0.key.hasPrefix("CONDA_OVERRIDE_") }.map { "\($0.key)=\($0.value)" }
    return (["conda", machine] + said.sorted()).joined(separator: " ")
  }

  static func missing(for name: String) -> Failure {
    Failure(
      .notFound,
      "there is no micromamba, mamba or conda, one of which makes the Python environment of \(name)",
      hint:
        "install one of them and put its folder into PATH; or install rattler for the python3 in PATH, which can do it, too: python3 -m pip install py-rattler"
    )
  }

  // MARK: Rattler

  /// The exit status of the script where Python has no rattler.
  static let withoutRattler: Int32 = 63

  /// Conda's own names: `defaults` stands for two channels, `nodefaults` for none. Where no channel is named, it is the one that most use.
  private static let script = """
    import asyncio, json, os, sys
    try:
        import rattler
    except ImportError:
        sys.exit(63)

    async def main(wanted, environment):
        named = {"defaults": ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"], "nodefaults": []}
        channels = [each for channel in wanted["channels"] for each in named.get(channel, [channel])]
        specs = [rattler.MatchSpec(package) for package in wanted["packages"]]
        machine = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
        records = await rattler.solve(channels or ["conda-forge"], specs, virtual_packages=machine)
        print(*[f"{record.name.normalized} {record.version} {record.build}" for record in records], sep="\\n", flush=True)
        await rattler.install(records, target_prefix=environment, show_progress=False, execute_link_scripts=True)

    try:
        with open(sys.argv[1]) as file:
            asyncio.run(main(json.load(file), sys.argv[2]))
        status = 0
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        status = 1
    # Threads of rattler's that still run can bring Python down when it ends as usual.
    os._exit(status)
    """
}
