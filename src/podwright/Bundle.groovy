package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '520ccf878b915bcd686bd5d956a558f90f8d46fb36c1fae8c9a45560da4e2203'
  static final String JOBS_SUM = '5dad786ccaf71ebb4d1b928afc5ecc8efb3741933d3c75f8964e905d66226b52'

  private static final long serialVersionUID = 1L
}
