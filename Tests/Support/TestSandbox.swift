/// The sandbox of tests whose subject needs one.
public enum TestSandbox {
  /// Whether bubblewrap works here: it may be installed, and the machine refuse what it needs.
  public static let works =
    (try? TestShell.run("bwrap --dev-bind / / --proc /proc --unshare-all -- true 2> /dev/null")) != nil
}
