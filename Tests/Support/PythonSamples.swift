import Foundation

/// Python as it is on this machine, and what a test installs there.
public enum PythonSamples {
  /// Whether virtual environments with pip can be made here.
  public static let canMakeEnvironments: Bool = {
    let folder = TemporaryFolder()
    return run("python3", "-m", "venv", folder["venv"]) == 0
  }()

  /// Whether uv can lock projects here.
  public static let hasUV = run("uv", "--version") == 0

  /// Whether rattler installs packages of conda's here.
  public static let hasRattler = run("rattler-python", "-c", "import rattler") == 0

  /// Lets uv resolve what the project in a folder needs.
  public static func lock(in folder: String) throws {
    guard run("uv", ["lock", "--directory", folder]) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  public static func uninstall(_ name: String, from environment: String) throws {
    let line = ["-m", "pip", "uninstall", "-q", "-y", "--disable-pip-version-check", name]
    guard run(environment + "/bin/python3", line) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  public static func makeEnvironment(at path: String, installing wheels: [String] = []) throws {
    guard run("python3", "-m", "venv", path) == 0 else { throw CocoaError(.fileNoSuchFile) }
    if wheels.isEmpty { return }
    let line = ["-m", "pip", "install", "-q", "--no-index", "--disable-pip-version-check"] + wheels
    guard run(path + "/bin/python3", line) == 0 else { throw CocoaError(.fileNoSuchFile) }
  }

  /// Writes a wheel of one module, `NAME.py` with the number `value`, and one program of that name.
  /// - Returns: its path.
  public static func wheel(_ name: String, _ version: String, value: Int, in folder: TemporaryFolder) throws
    -> String
  {
    let path = folder["wheels/\(name)-\(version)-py3-none-any.whl"]
    try FileManager.default.createDirectory(
      atPath: folder["wheels"], withIntermediateDirectories: true, attributes: nil)
    guard run("python3", ["-c", script, path, name, version, String(value)]) == 0 else {
      throw CocoaError(.fileWriteUnknown)
    }
    return path
  }

  private static let script = """
    import base64, hashlib, sys, zipfile
    path, name, version, value = sys.argv[1:]
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"value = {value}\\ndef main():\\n    print(value)\\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": f"[console_scripts]\\nsay-{name} = {name}:main\\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        record = ""
        for file, text in files.items():
            wheel.writestr(file, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{file},sha256={digest},{len(text)}\\n"
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\\n")
    """

  private static func run(_ program: String, _ arguments: String...) -> Int32 { run(program, arguments) }

  public static func run(_ program: String, _ arguments: [String]) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { return 127 }
    process.waitUntilExit()
    return process.terminationStatus
  }
}
