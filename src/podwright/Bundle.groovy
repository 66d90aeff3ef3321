package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '16ade6a2bc4d72da74df284825057410f1fadd7cccd784082de4fc8d3949fcf4'
  static final String JOBS_SUM = '4c80e42cec3536ff123b3bf6522d51167264071c98813076f2bf449367467986'

  private static final long serialVersionUID = 1L
}
