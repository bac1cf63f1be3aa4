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
    .target(name: "CKernels", exclude: ["CONTRACT.md"]),
    module("JSON"),
    module("System"),
    module("Safetensors", ["JSON", "System"]),
    module("Artefacts", ["CCrypto", "CZstd", "JSON", "Safetensors", "System"]),
    module("Differences", ["Artefacts", "JSON", "Safetensors", "System"]),
    module("Compute", ["CKernels", "JSON", "Safetensors", "System"]),
    module("Pipeline", ["Artefacts", "CYAML", "JSON", "System"]),
    module("Operations", ["Artefacts", "Pipeline", "Compute", "JSON", "Safetensors", "System"]),
    module("Report", ["Artefacts", "Pipeline", "Compute", "JSON", "System"]),
    .executableTarget(
      name: "brake",
      dependencies: [
        "Artefacts", "Compute", "Differences", "JSON", "Operations", "Pipeline", "Report", "System",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "compute-benchmark",
      dependencies: ["Compute", "JSON", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Benchmarks/Compute", swiftSettings: strict),

    .target(
      name: "Support", dependencies: ["CKernels", "System"], path: "Tests/Support", swiftSettings: strict),
    .target(
      name: "KernelCases", dependencies: ["CKernels"], path: "Tests/KernelCases",
      exclude: ["golden.txt", "print"]),
    tests("CKernelsTests", ["CKernels", "KernelCases"]),
    tests("JSONTests", ["JSON"]),
    tests("SafetensorsTests", ["Safetensors", "JSON", "System"]),
    tests("SystemTests", ["System"]),
    tests("ArtefactsTests", ["Artefacts", "JSON", "Safetensors", "System"]),
    tests("DifferencesTests", ["Differences", "Artefacts", "JSON", "Safetensors", "System"]),
    tests("ComputeTests", ["Compute", "CKernels", "Artefacts", "JSON", "Safetensors", "System"]),
    tests("PipelineTests", ["Pipeline", "Artefacts", "JSON", "System"]),
    tests(
      "OperationsTests", ["Operations", "Pipeline", "Artefacts", "Compute", "JSON", "Safetensors", "System"]),
    tests("ReportTests", ["Report", "Pipeline", "Artefacts", "Compute", "JSON", "System"]),
    tests("EndToEnd", ["brake", "Differences", "JSON", "Pipeline", "Safetensors"], path: "Tests/EndToEnd"),
  ]
)
