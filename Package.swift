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
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "CKernels", exclude: ["CONTRACT.md"]),
    module("JSON"),
    module("System"),
    module("Safetensors", ["JSON"]),
    module(
      "Artefacts",
      ["CZstd", "JSON", "Safetensors", "System", .product(name: "Crypto", package: "swift-crypto")]),
    module("Compute", ["CKernels", "JSON", "Safetensors"]),
    module(
      "Pipeline",
      [
        "Artefacts", "JSON", "System", .product(name: "Yams", package: "Yams"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    module(
      "Operations",
      [
        "Artefacts", "Pipeline", "Compute", "JSON", "Safetensors", "System",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    module(
      "Report",
      [
        "Artefacts", "Pipeline", "Compute", "JSON", "System",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    .executableTarget(
      name: "brake",
      dependencies: [
        "Artefacts", "Compute", "JSON", "Operations", "Pipeline", "Report", "System",
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
    tests("SafetensorsTests", ["Safetensors", "JSON"]),
    tests("SystemTests", ["System"]),
    tests("ArtefactsTests", ["Artefacts", "JSON", "Safetensors", "System"]),
    tests("ComputeTests", ["Compute", "CKernels", "Artefacts", "JSON", "Safetensors"]),
    tests("PipelineTests", ["Pipeline", "Artefacts", "JSON", "System"]),
    tests("OperationsTests", ["Operations", "Pipeline", "Artefacts", "Compute", "JSON", "Safetensors"]),
    tests("ReportTests", ["Report", "Pipeline", "Artefacts", "Compute", "JSON"]),
    tests("EndToEnd", ["brake", "JSON"], path: "Tests/EndToEnd"),
  ]
)
