package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '81d7eeb7f295ea29468c9e102328b2415558ad399c2bc3a8e5200bb8f46e921e'
  static final String JOBS_SUM = '5dad786ccaf71ebb4d1b928afc5ecc8efb3741933d3c75f8964e905d66226b52'

  private static final long serialVersionUID = 1L
}
