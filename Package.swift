// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A module that goes through many bytes or numbers: optimised in debug builds, too, as its tests would take several times as long.
func busyModule(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies,
    swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["Support"], path: path, swiftSettings: strict)
}

let package = Package(
  name: "brake",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CCurl"),
    .target(
      name: "CKernels", exclude: ["CONTRACT.md"],
      cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
    busyModule("JSON"),
    module("System"),
    busyModule("Archives", ["CZstd", "System"]),
    busyModule("Safetensors", ["JSON", "System"]),
    busyModule("TorchFiles", ["Safetensors", "System"]),
    busyModule("Artefacts", ["CCrypto", "CZstd", "JSON", "Safetensors", "System"]),
    module("Signing", ["Artefacts", "System"]),
    busyModule("Differences", ["Artefacts", "JSON", "Safetensors", "System"]),
    busyModule("Compute", ["CKernels", "JSON", "Safetensors", "System"]),
    module("Remotes", ["Artefacts", "CCrypto", "CCurl", "JSON", "Safetensors", "System", "TorchFiles"]),
    module("Actions", ["Artefacts", "JSON", "System"]),
    busyModule("Images", ["Archives", "Artefacts", "JSON", "System"]),
    module("Runners", ["Actions", "Artefacts", "Images", "System"]),
    module("Pipeline", ["Actions", "Artefacts", "CYAML", "JSON", "System"]),
    module("Runs", ["Actions", "Artefacts", "Images", "JSON", "Pipeline", "Runners", "Signing", "System"]),
    module("Operations", ["Actions", "Artefacts", "Compute", "JSON", "Safetensors", "System", "TorchFiles"]),
    module("Report", ["Actions", "Artefacts", "Compute", "JSON", "System"]),
    module(
      "Bundles",
      [
        "Actions", "Archives", "Artefacts", "Differences", "JSON", "Pipeline", "Remotes", "Report", "Runs",
        "System",
      ]),
    .executableTarget(
      name: "brake",
      dependencies: [
        "Actions", "Artefacts", "Bundles", "Compute", "Differences", "JSON", "Operations", "Pipeline",
        "Remotes",
        "Report", "Runners", "Runs", "Signing", "System",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "compute-benchmark",
      dependencies: ["Compute", "JSON", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Benchmarks/Compute", swiftSettings: strict),
    .executableTarget(
      name: "verdict-benchmark",
      dependencies: ["Compute", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Benchmarks/Verdicts", swiftSettings: strict),

    .target(
      name: "Support", dependencies: ["CKernels", "System"], path: "Tests/Support", swiftSettings: strict),
    .target(
      name: "PlanSupport", dependencies: ["Actions", "JSON", "Pipeline"], path: "Tests/PlanSupport",
      swiftSettings: strict),
    .target(
      name: "KernelCases", dependencies: ["CKernels"], path: "Tests/KernelCases",
      exclude: ["golden.txt", "print"]),
    tests("CKernelsTests", ["CKernels", "KernelCases"]),
    tests("JSONTests", ["JSON"]),
    tests("SafetensorsTests", ["Safetensors", "JSON", "System"]),
    .testTarget(
      name: "TorchFilesTests", dependencies: ["TorchFiles", "Safetensors", "Support", "System"],
      exclude: ["fixtures", "make-fixtures.py"], swiftSettings: strict),
    tests("SystemTests", ["System"]),
    tests("ArtefactsTests", ["Artefacts", "JSON", "Safetensors", "System"]),
    tests("RemotesTests", ["Remotes", "Artefacts", "JSON", "System"]),
    tests("ImagesTests", ["Images", "Archives", "Artefacts", "JSON", "System"]),
    tests("SigningTests", ["Signing", "Artefacts", "JSON", "Remotes", "System"]),
    tests("DifferencesTests", ["Differences", "Artefacts", "JSON", "Safetensors", "System"]),
    tests("ComputeTests", ["Compute", "CKernels", "Artefacts", "JSON", "Safetensors", "System"]),
    tests(
      "RunsTests",
      ["Actions", "Artefacts", "JSON", "Pipeline", "PlanSupport", "Runners", "Runs", "Signing", "System"]),
    tests(
      "BundlesTests", ["Bundles", "Actions", "Archives", "Artefacts", "JSON", "Pipeline", "Report", "System"]),
    tests("PipelineTests", ["Actions", "Artefacts", "JSON", "Pipeline", "PlanSupport", "System"]),
    tests(
      "OperationsTests", ["Operations", "Actions", "Artefacts", "Compute", "JSON", "Safetensors", "System"]),
    tests("ReportTests", ["Report", "Actions", "Artefacts", "Compute", "JSON", "System"]),
    tests(
      "EndToEnd", ["brake", "Actions", "Differences", "JSON", "Pipeline", "Runs", "Safetensors", "System"],
      path: "Tests/EndToEnd"),
  ]
)
