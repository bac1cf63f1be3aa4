import Actions

extension Sandbox {
  /// The command line that runs a command in a container image: of the machine it sees devices and, where it may, the network; nothing of its
  /// files and shared memory. Processes are its own.
  ///
  /// - Parameters:
  ///   - image: the folder with its file system, which it can read; `/tmp` it can write to.
  ///   - variables: what the image wants to have in the environment. bubblewrap itself, which is one of the machine's programs, does not
  ///     see them: they may say whatever leads it astray.
  func arguments(
    around command: [String], scratch: Scratch, inputs: MountedInputs, resume: String?, image: String,
    variables: [String: String], network: Bool
  ) throws -> [String] {
    var options = ["--ro-bind", image, "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"]
    // What other processes of the machine share by memory and messages is neither to be read nor changed.
    for folder in ["/dev/shm", "/dev/mqueue"] where isFolder(folder) { options += ["--tmpfs", folder] }
    options.append("--unshare-ipc")
    options += ["--ro-bind-try", "/sys", "/sys", "--bind", scratch.temporary, "/tmp"]
    if network {
      for file in ["/etc/hosts", "/etc/resolv.conf"] { options += ["--ro-bind-try", file, file] }
    }
    options += ["--tmpfs", Sandbox.host]
    options += try inside(scratch, inputs, resume: resume, network: network)
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) { options += ["--setenv", name, value] }
    return [program] + options + ["--"] + command
  }
}
