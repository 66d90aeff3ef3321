package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'f3622079d8bc3e6a3e9b1c3c55560a8d1f8e16bdf326901be7804252513cc5e3'
  static final String JOBS_SUM = '5dad786ccaf71ebb4d1b928afc5ecc8efb3741933d3c75f8964e905d66226b52'

  private static final long serialVersionUID = 1L
}
